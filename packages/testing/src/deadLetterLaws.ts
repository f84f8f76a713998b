import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { type DeadLetterReason, DeadLetters, EventQueue } from "@millrace/core"
import type { QueueLaw } from "./eventQueueContract.ts"
import { batchOf } from "./events.ts"

const reason: DeadLetterReason = { stage: "store", code: "Refused", message: "by the test", attempts: 1 }
const lease = { limit: 1_000, ackWaitMillis: 10_000 }
const ids = (from: number, count: number) => batchOf(from, count).events.map((event) => event.event_id)

const consume = Effect.scoped(
  Effect.gen(function* () {
    const { batches } = yield* (yield* EventQueue).take(lease)
    return batches.flatMap((batch) => batch.events.map((event) => event.event_id))
  })
)

/** Laws of what every queue sets aside. */
export const deadLetterLaws = (law: QueueLaw<EventQueue | DeadLetters>, maxAttempts: number): void => {
  const setAside = Effect.gen(function* () {
    const queue = yield* EventQueue
    const letters = yield* DeadLetters
    yield* queue.publish(batchOf(1, 3))
    yield* queue.take(lease).pipe(
      Effect.flatMap(({ batches }) => letters.put(batches[0]!.slice(1, 2), reason)),
      Effect.scoped
    )
    return letters
  })
  law(
    "deadLetters: list shows the event, its reason and nothing of its neighbours",
    Effect.gen(function* () {
      const letters = yield* setAside
      const listed = yield* letters.list({ limit: 10 })
      assert.deepStrictEqual(
        listed.map((letter) => [letter.event, letter.reason]),
        [[batchOf(2, 1).events[0]!, reason]]
      )
      assert.deepStrictEqual(yield* letters.list({ limit: 10, project_id: "other" }), [])
    })
  )
  law(
    "deadLetters: list pages by id",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      const letters = yield* DeadLetters
      yield* queue.publish(batchOf(1, 5))
      yield* queue.take(lease).pipe(
        Effect.flatMap(({ batches }) => letters.put(batches[0]!, reason)),
        Effect.scoped
      )
      const first = yield* letters.list({ limit: 3 })
      const rest = yield* letters.list({ limit: 3, after: first.at(-1)!.id })
      assert.deepStrictEqual(
        [...first, ...rest].map((letter) => letter.event.event_id),
        ids(1, 5)
      )
    })
  )
  law(
    "deadLetters: replay delivers again and empties the list",
    Effect.gen(function* () {
      const letters = yield* setAside
      const listed = yield* letters.list({ limit: 10 })
      assert.strictEqual(yield* letters.replay(listed.map((letter) => letter.id)), 1)
      assert.deepStrictEqual(yield* consume, ids(2, 1))
      assert.deepStrictEqual(yield* letters.list({ limit: 10 }), [])
      assert.strictEqual(yield* letters.replay("all"), 0)
    })
  )
  law(
    "deadLetters: purge removes what is named and delivers nothing",
    Effect.gen(function* () {
      const letters = yield* setAside
      assert.strictEqual(yield* letters.purge(["no-such-letter"]), 0)
      assert.strictEqual(yield* letters.purge("all"), 1)
      assert.deepStrictEqual(yield* letters.list({ limit: 10 }), [])
      assert.strictEqual((yield* (yield* EventQueue).waiting).events, 0)
    })
  )
  law(
    "take: the last attempt makes dead letters where nobody takes the batch over",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 2))
      for (let attempt = 1; attempt <= maxAttempts; attempt++) {
        yield* queue.take(lease).pipe(Effect.andThen(Effect.fail("no" as const)), Effect.scoped, Effect.ignore)
      }
      const listed = yield* (yield* DeadLetters).list({ limit: 10 })
      assert.deepStrictEqual(
        listed.map(({ event, reason: why }) => [event, why.attempts]),
        batchOf(1, 2).events.map((event) => [event, maxAttempts])
      )
      assert.strictEqual((yield* queue.waiting).events, 0)
    })
  )
}
