import { Effect, Option, Result } from "effect"
import {
  Aggregates,
  type Ask,
  ask,
  decodeParams,
  type MetricName,
  metrics,
  type RawParams,
  Warehouse
} from "@millrace/core"

/** A question as a warehouse is asked it; throws where the parameters are refused. */
export const questionOf = <Name extends MetricName>(
  name: Name,
  params: RawParams,
  context: { readonly project_id: string; readonly as_of: number }
) => ask(metrics[name], Result.getOrThrow(decodeParams(name, params)), context)

/**
 * Answers: the engine's own, and, from an engine that has another way than looking at every event, the answer of that
 * look.
 */
export const answersTo = <Row>(question: Ask<Row>) =>
  Effect.gen(function* () {
    const warehouse = yield* Warehouse
    const answer = yield* warehouse.answer(question)
    const aggregates = yield* Effect.serviceOption(Aggregates)
    if (Option.isNone(aggregates) || question.activity?.() === undefined) return [answer]
    return [answer, yield* warehouse.answer({ ...question, activity: undefined })]
  })
