import { Effect, type Result } from "effect"
import { formatInstant } from "../event/instant.ts"
import { type AskerId, Asker } from "../port/Asker.ts"
import { Warehouse, type WarehouseError } from "../port/Warehouse.ts"
import { type BadParameter, refusable } from "../metric/BadParameter.ts"
import { type Ask, ask, type BoundQuestion } from "../metric/Metric.ts"
import { decodeParams, type RawParams } from "../metric/questions.ts"
import { type MetricName, metrics, type ParamsOf, type RowOf } from "../metric/registry.ts"

export interface Answer<Name extends MetricName> {
  readonly metric: Name
  /** As understood: defaults filled in. */
  readonly params: ParamsOf<Name>
  /** RFC 3339: every event acknowledged before this instant is in the numbers. */
  readonly as_of: string
  readonly rows: ReadonlyArray<RowOf<Name>>
}

/**
 * Answers one metric for one project.
 *
 * **Gotchas**
 *
 * `as_of` is read before the question is asked, so the rows may hold more than it promises, never less.
 */
export const query = Effect.fn("query")(function* <Name extends MetricName>(question: {
  readonly metric: Name
  readonly project_id: string
  readonly params: RawParams
  /** A key or a person of the project: turns are shared among those. */
  readonly asked_by?: string
}): Effect.fn.Return<Answer<Name>, BadParameter | WarehouseError, Warehouse> {
  const metric = metrics[question.metric]
  const params = yield* Effect.fromResult(decodeParams(question.metric, question.params))
  const warehouse = yield* Warehouse
  const { as_of } = yield* warehouse.watermark
  const toAsk = refusing(ask(metric, params, { project_id: question.project_id, as_of }))
  const who: AskerId = { project: question.project_id, id: question.asked_by ?? "" }
  const answer = yield* Effect.provideService(warehouse.answer(toAsk), Asker, who)
  const rows = yield* Effect.fromResult(answer)
  return { metric: question.metric, params, as_of: formatInstant(as_of), rows }
})

/** A bound that only the data can break is found while rows are shaped, inside the warehouse, which hands it on as an answer. */
const refusing = <Row>(question: Ask<Row>): BoundQuestion<Result.Result<ReadonlyArray<Row>, BadParameter>> => ({
  ...question,
  shape: (raw) => refusable(() => question.shape(raw)),
  reference: (events) => refusable(() => question.reference(events))
})
