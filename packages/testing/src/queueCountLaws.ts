import { assert } from "@effect/vitest"
import { Effect } from "effect"
import {
  type DeadLetterReason,
  DeadLetters,
  EventQueue,
  type Origin,
  type QueueCounts,
  QueueLedger
} from "@millrace/core"
import type { QueueLaw } from "./eventQueueContract.ts"
import { batchOf, idOf } from "./events.ts"

const reason: DeadLetterReason = { stage: "store", code: "Refused", message: "by the test", attempts: 1 }
const lease = { limit: 1_000, ackWaitMillis: 10_000 }

const accounted = Effect.gen(function* () {
  const { accepted, deadLettered, waiting } = yield* (yield* QueueLedger).counts
  return {
    accepted: accepted["default"] ?? 0,
    dead: deadLettered["default"] ?? 0,
    waiting: waiting["default"] ?? 0
  }
})

const isInFlight = ({ inFlight }: QueueCounts, { log, position }: Origin) =>
  inFlight.log === log && inFlight.positions.some(([start, end]) => position >= start && position < end)

/** Laws of what every queue counts. */
export const queueCountLaws = (law: QueueLaw<EventQueue | DeadLetters | QueueLedger>): void => {
  law(
    "counts: accepted = acknowledged + waiting + dead-lettered, at every step",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 3))
      yield* queue.publish(batchOf(4, 3))
      assert.deepStrictEqual(yield* accounted, { accepted: 6, dead: 0, waiting: 6 })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { batches } = yield* queue.take({ ...lease, limit: 3 })
          yield* (yield* DeadLetters).put(batches[0]!.slice(0, 1), reason)
          assert.deepStrictEqual(yield* accounted, { accepted: 6, dead: 1, waiting: 5 })
        })
      )
      assert.deepStrictEqual(yield* accounted, { accepted: 6, dead: 1, waiting: 3 })
      yield* (yield* DeadLetters).replay("all")
      assert.deepStrictEqual(yield* accounted, { accepted: 7, dead: 1, waiting: 4 })
      assert.strictEqual((yield* (yield* QueueLedger).counts).replayed["default"], 1)
    })
  )
  law(
    "counts: an event set aside twice, because its delivery failed in between, counts once",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 2))
      const letters = yield* DeadLetters
      // A queue may deliver the event again or leave it out: what was set aside need not come back.
      const setFirstAside = Effect.flatMap(queue.take(lease), ({ batches }) => {
        const [first] = batches
        return first?.events[0]?.event_id === idOf(1) ? letters.put(first.slice(0, 1), reason) : Effect.void
      })
      yield* setFirstAside.pipe(Effect.andThen(Effect.fail("no" as const)), Effect.scoped, Effect.ignore)
      yield* Effect.scoped(setFirstAside)
      assert.deepStrictEqual(yield* accounted, { accepted: 2, dead: 1, waiting: 0 })
      assert.strictEqual((yield* letters.list({ limit: 10 })).length, 1)
    })
  )
  law(
    "counts: projects are counted apart",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 2))
      yield* queue.publish(batchOf(1, 3, { project_id: "other" }))
      assert.deepStrictEqual((yield* (yield* QueueLedger).counts).waiting, { default: 2, other: 3 })
    })
  )
  law(
    "counts: a message is in flight until its acknowledgement, as are all to come",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 3))
      const origin = yield* Effect.scoped(
        Effect.gen(function* () {
          const { batches } = yield* queue.take(lease)
          assert.isTrue(isInFlight(yield* (yield* QueueLedger).counts, batches[0]!.origin!))
          return batches[0]!.origin!
        })
      )
      const counts = yield* (yield* QueueLedger).counts
      assert.isFalse(isInFlight(counts, origin))
      assert.isTrue(isInFlight(counts, { ...origin, position: origin.position + 1_000 }))
      yield* queue.publish(batchOf(4, 3))
      const { batches } = yield* Effect.scoped(queue.take(lease))
      assert.isTrue(isInFlight(counts, batches[0]!.origin!))
    })
  )
}
