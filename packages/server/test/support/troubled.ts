import { type EventBatch, RowsRejected, Warehouse, WarehouseError, WarehouseUnavailable } from "@millrace/core"
import { Effect, Layer } from "effect"

/** What is wrong with a warehouse. */
export interface Trouble {
  readonly refuses: (event_id: string) => boolean
  /** False: it ends before it commits. */
  readonly commits: boolean
}
export const WELL: Trouble = { refuses: () => false, commits: true }

const failed = (reason: WarehouseError["reason"]) => Effect.fail(new WarehouseError({ operation: "load", reason }))

/** The profile's own warehouse, in trouble. */
export const troubled = ({ commits, refuses }: Trouble): Layer.Layer<Warehouse, never, Warehouse> =>
  Layer.effect(
    Warehouse,
    Effect.map(Warehouse, (real) => {
      const check = (batches: ReadonlyArray<EventBatch>) =>
        batches.some(({ events }) => events.some(({ event_id }) => refuses(event_id)))
          ? failed(new RowsRejected({ cause: "by the test" }))
          : Effect.void
      return Warehouse.of({
        ...real,
        rehearse: (batches) => Effect.andThen(check(batches), real.rehearse(batches)),
        load: (page, as_of) =>
          Effect.andThen(
            check(page.batches),
            commits ? real.load(page, as_of) : failed(new WarehouseUnavailable({ cause: "by the test" }))
          )
      })
    })
  )
