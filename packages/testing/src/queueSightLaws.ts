import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { type DeadLetterReason, EventQueue } from "@millrace/core"
import type { QueueLaw } from "./eventQueueContract.ts"
import { batchOf } from "./events.ts"

const TRACES = [
  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
]
const lease = { limit: 1_000, ackWaitMillis: 10_000 }

/** Laws of what operators see of every queue. */
export const queueSightLaws = (law: QueueLaw): void => {
  law(
    "take: a batch comes with the traces it was published with, cut or whole; one without any comes without",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      for (const [at, trace] of TRACES.entries()) yield* queue.publish(batchOf(1 + at, 1).withTraces([trace]))
      yield* queue.publish(batchOf(10, 3))
      const seen: Array<string> = []
      for (let events = 0; events < 5;) {
        const { batches } = yield* Effect.scoped(queue.take(lease))
        for (const batch of batches) {
          events += batch.count
          seen.push(...batch.slice(batch.count - 1, batch.count).traces)
        }
      }
      assert.deepStrictEqual(seen.toSorted(), TRACES.toSorted())
    })
  )
  law(
    "observe: each event set aside is told once, under its code, however often it is set aside",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      const told: Record<string, number> = {}
      queue.observe?.({
        synced: () => {},
        deadLettered: (code, events) => void (told[code] = (told[code] ?? 0) + events)
      })
      yield* queue.publish(batchOf(1, 3))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { batches } = yield* queue.take(lease)
          const reasonOf = (code: string): DeadLetterReason => ({ stage: "store", code, message: "", attempts: 1 })
          yield* queue.deadLetter(batches[0]!.slice(0, 2), reasonOf("Refused"))
          yield* queue.deadLetter(batches[0]!.slice(0, 2), reasonOf("Refused"))
          yield* queue.deadLetter(batches[0]!.slice(2, 3), reasonOf("Torn"))
        })
      )
      assert.deepStrictEqual(told, { Refused: 2, Torn: 1 })
    })
  )
}
