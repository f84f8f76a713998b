import { claimStore, EventStore, EventStoreError, Warehouse } from "@millrace/core"
import { Effect, Layer } from "effect"
import { BadAdapterChoice } from "./failures.ts"

/**
 * A warehouse knows how far it was loaded by a cursor of the store that filled it. Over another store, or an older state of
 * the same one, nothing would ever be loaded again, in silence; so the server does not start. A store that is away for the
 * moment is no reason: the loader asks again.
 */
export const checkStore: Layer.Layer<never, BadAdapterChoice | EventStoreError, EventStore | Warehouse> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { cursor } = yield* (yield* Warehouse).watermark
      yield* (yield* EventStore).replay({ after: cursor, limit: 1 })
      yield* claimStore({ takeOver: false })
    }).pipe(
      Effect.catch((error) => {
        if (!(error instanceof EventStoreError) || error.retryable) return Effect.void
        return Effect.fail(error.reason._tag === "StoreMismatch" ? error : otherStore)
      })
    )
  )

const otherStore = new BadAdapterChoice({
  setting: "MILLRACE_STORE",
  rule: "is not the store that filled this warehouse: choose that one again, or start with another data folder"
})
