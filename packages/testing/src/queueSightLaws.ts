import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { type DeadLetterReason, DeadLetters, EventQueue, QueueObservation } from "@millrace/core"
import type { QueueLaw } from "./eventQueueContract.ts"
import { batchOf } from "./events.ts"

const lease = { limit: 1_000, ackWaitMillis: 10_000 }

/** Laws of what operators see of every queue. */
export const queueSightLaws = (law: QueueLaw<EventQueue | DeadLetters | QueueObservation>): void => {
  law(
    "observe: each event set aside is told once, under its code, however often it is set aside",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      const told: Record<string, number> = {}
      const letters = yield* DeadLetters
      ;(yield* QueueObservation).observe({
        synced: () => {},
        deadLettered: (code, events) => void (told[code] = (told[code] ?? 0) + events)
      })
      yield* queue.publish(batchOf(1, 3))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { batches } = yield* queue.take(lease)
          const reasonOf = (code: string): DeadLetterReason => ({ stage: "store", code, message: "", attempts: 1 })
          yield* letters.put(batches[0]!.slice(0, 2), reasonOf("Refused"))
          yield* letters.put(batches[0]!.slice(0, 2), reasonOf("Refused"))
          yield* letters.put(batches[0]!.slice(2, 3), reasonOf("Torn"))
        })
      )
      assert.deepStrictEqual(told, { Refused: 2, Torn: 1 })
    })
  )
}
