import { Effect, Option } from "effect"
import { DeadLetters } from "../port/DeadLetters.ts"
import { type DeadLetterReason, EventQueue } from "../port/EventQueue.ts"
import { storeAll } from "../kit/storeAll.ts"
import { waitForWork } from "../kit/superviseLoop.ts"
import { logged } from "./logged.ts"
import { StoreLedger } from "../port/Ledger.ts"
import type { EventBatch } from "../event/EventBatch.ts"
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
  const exhausted = yield* rescue
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { attempt, batches } = yield* restore(waitForWork(queue.take({ ...options, exhausted })))
      return yield* storeAll(batches, attempt).pipe(
        logged({ stage: "store", batches, attempt }),
        inTraceOf("store", batches)
      )
    }).pipe(Effect.scoped)
  )
})

/**
 * What becomes of a batch without attempts left: an attempt may have stored a part before it ended, and that part is in no
 * need of rescue; the rest becomes dead letters. A store that keeps no account cannot tell, and all of it does.
 */
const rescue = Effect.gen(function* () {
  const letters = yield* DeadLetters
  const ledger = yield* Effect.serviceOption(StoreLedger)
  return (batch: EventBatch, reason: DeadLetterReason) =>
    Effect.flatMap(Option.isSome(ledger) ? ledger.value.unstored(batch) : Effect.succeed([batch]), (parts) =>
      Effect.forEach(parts, (part) => letters.put(part, reason), { discard: true })
    )
})
