import { type QueueServices, sql, type StoreServices, Warehouse, type WarehouseServices } from "@millrace/core"
import { layerMemoryQueue, layerMemoryStore } from "@millrace/core/memory"
import { DuckDb } from "@millrace/duckdb"
import { Effect, Layer } from "effect"

const ENDLESS = sql`SELECT SUM(a.range * b.range) AS users FROM range(10000000) AS a, range(10000000) AS b`

type Options = Partial<Parameters<typeof DuckDb.layer>[0]>

/** DuckDB, in which questions of projects whose name begins with `endless` never end. */
export const endlessQuestions = (
  options: Options,
  onAsk: () => void = () => {}
): Layer.Layer<QueueServices | StoreServices | WarehouseServices, unknown> => {
  const warehouse = Layer.effect(
    Warehouse,
    Effect.map(Warehouse, (real) =>
      Warehouse.of({
        ...real,
        answer: (ask) => {
          if (!ask.project_id.startsWith("endless")) return real.answer(ask)
          onAsk()
          return real.answer({ ...ask, activity: undefined, sql: () => ENDLESS })
        }
      })
    )
  ).pipe(Layer.provideMerge(DuckDb.layer({ path: ":memory:", threads: 1, keptAnswers: 0, ...options })))
  return Layer.mergeAll(layerMemoryQueue(), layerMemoryStore, warehouse)
}
