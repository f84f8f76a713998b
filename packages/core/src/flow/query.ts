import { Effect } from "effect"
import { formatInstant } from "../event/instant.ts"
import { type AskedBy, Asker } from "../port/Asker.ts"
import { Warehouse, type WarehouseError } from "../port/Warehouse.ts"
import { BadParameter } from "../metric/BadParameter.ts"
import { type Ask, ask } from "../metric/Metric.ts"
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
  const { refusal, guarded } = guard(ask(metric, params, { project_id: question.project_id, as_of }))
  const who: AskedBy = { project: question.project_id, id: question.asked_by ?? "" }
  const rows = yield* Effect.provideService(warehouse.answer(guarded), Asker, who)
  const refused = refusal()
  if (refused !== undefined) return yield* refused
  return { metric: question.metric, params, as_of: formatInstant(as_of), rows }
})

/** A bound that only the data can break is found while rows are shaped, inside the warehouse: carry it past that. */
const guard = <Row>(question: Ask<Row>) => {
  let refused: BadParameter | undefined
  const guarding =
    <Input>(make: (input: Input) => ReadonlyArray<Row>) =>
    (input: Input): ReadonlyArray<Row> => {
      try {
        return make(input)
      } catch (error) {
        if (!(error instanceof BadParameter)) throw error
        refused = error
        return []
      }
    }
  const guarded: Ask<Row> = { ...question, shape: guarding(question.shape), reference: guarding(question.reference) }
  return { guarded, refusal: () => refused }
}
