import { Effect } from "effect"
import { EventQueue } from "../port/EventQueue.ts"
import { storeAll } from "../kit/storeAll.ts"
import { waitForWork } from "../kit/superviseLoop.ts"
import { logged } from "./logged.ts"
import { EventStore } from "../port/EventStore.ts"
import { inTraceOf } from "../event/traceparent.ts"

export interface DrainOptions {
  /** Events per delivery. */
  readonly limit: number
  readonly ackWaitMillis: number
}

/**
 * One delivery: queue → hot store, acknowledged last, by the scope. A permanent refusal is narrowed down by halving,
 * so that only the refused events are dead-lettered and their neighbours are stored. A passing failure fails the
 * scope: the queue delivers again. Who is interrupted settles what was taken first: a part that is stored or set aside, and
 * comes again, would be counted on both sides if it were lost meanwhile.
 */
export const drain = Effect.fn("drain")(function* (options: DrainOptions) {
  const queue = yield* EventQueue
  const { unstored } = yield* EventStore
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { attempt, batches } = yield* restore(waitForWork(queue.take({ ...options, unstored })))
      return yield* storeAll(batches, attempt).pipe(
        logged({ stage: "store", batches, attempt }),
        inTraceOf("store", batches)
      )
    }).pipe(Effect.scoped)
  )
})
