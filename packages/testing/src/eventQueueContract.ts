import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, type Layer } from "effect"
import { type DeadLetterReason, type Event, EventQueue, type EventQueueError, type TakeOptions } from "@millrace/core"
import { queueErasureLaws } from "./erasureLaws.ts"
import { batchOf } from "./events.ts"
import { queueCountLaws } from "./queueCountLaws.ts"
import { queueSightLaws } from "./queueSightLaws.ts"

export interface EventQueueContractOptions<E> {
  /** A layer that is built anew, and empty, for every test. Its backoff should be short: the laws wait for it. */
  readonly layer: () => Layer.Layer<EventQueue, E>
  /** Attempts as the layer is configured; 3 is a good choice. */
  readonly maxAttempts: number
}

const reason: DeadLetterReason = { stage: "store", code: "Refused", message: "by the test", attempts: 1 }
const lease = { limit: 1_000, ackWaitMillis: 10_000 }

const takeIds = (options = lease) =>
  Effect.gen(function* () {
    const { batches } = yield* (yield* EventQueue).take(options)
    return batches.flatMap((batch) => batch.events.map((event) => event.event_id))
  })

/** Takes one delivery and acknowledges it. */
const consume = (options = lease) => Effect.scoped(takeIds(options))

/**
 * Takes deliveries, acknowledging each, until `count` events have come: how messages are grouped is the queue's business.
 */
const consumeAll = Effect.fnUntraced(function* (count: number, options = lease) {
  const deliveries: Array<ReadonlyArray<Event>> = []
  while (deliveries.flat().length < count) {
    const { attempt, batches } = yield* Effect.scoped((yield* EventQueue).take(options))
    assert.strictEqual(attempt, 1)
    deliveries.push(batches.flatMap((batch) => batch.events))
  }
  return deliveries
})

const ids = (from: number, count: number) => batchOf(from, count).events.map((event) => event.event_id)

/** Takes `times` deliveries and fails each. */
const failTimes = Effect.fnUntraced(function* (times: number, options: TakeOptions = lease) {
  const queue = yield* EventQueue
  const attempts: Array<number> = []
  for (let time = 0; time < times; time++) {
    yield* queue.take(options).pipe(
      Effect.tap(({ attempt }) => Effect.sync(() => attempts.push(attempt))),
      Effect.andThen(Effect.fail("no" as const)),
      Effect.scoped,
      Effect.ignore
    )
  }
  return attempts
})

/** The laws of every {@link EventQueue}. */
export const eventQueueContract = <E>(name: string, options: EventQueueContractOptions<E>) => {
  const law = (title: string, body: Effect.Effect<void, EventQueueError, EventQueue>) =>
    it.live(title, () => Effect.provide(body, options.layer()))
  describe(`EventQueue contract: ${name}`, () => {
    deliveryLaws(law, options.maxAttempts)
    deadLetterLaws(law)
    queueCountLaws(law)
    queueSightLaws(law)
    queueErasureLaws(law)
  })
}

export type QueueLaw = (title: string, body: Effect.Effect<void, EventQueueError, EventQueue>) => void

const deliveryLaws = (law: QueueLaw, maxAttempts: number) => {
  law(
    "take: shows what was published, in order and unchanged",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 3))
      yield* queue.publish(batchOf(4, 2))
      assert.deepStrictEqual((yield* consumeAll(5)).flat(), [...batchOf(1, 3).events, ...batchOf(4, 2).events])
    })
  )
  law(
    "take: success acknowledges, so nothing is left",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 3))
      yield* consume()
      assert.strictEqual((yield* queue.depth).events, 0)
      const second = yield* consume().pipe(Effect.timeoutOption(300))
      assert.strictEqual(second._tag, "None")
    })
  )
  law(
    "take: waits for a publish",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      const taker = yield* Effect.forkChild(consume())
      yield* Effect.sleep(20)
      yield* queue.publish(batchOf(1, 1))
      assert.deepStrictEqual(yield* Fiber.join(taker), ids(1, 1))
    })
  )
  law(
    "take: a failure redelivers with a higher attempt, the last attempt dead-letters",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 2))
      const attempts = yield* failTimes(maxAttempts)
      assert.deepStrictEqual(
        attempts,
        Array.from({ length: maxAttempts }, (_, index) => index + 1)
      )
      const letters = yield* queue.deadLetters.list({ limit: 10 })
      assert.deepStrictEqual(
        letters.map(({ event, reason: why }) => [event, why.attempts]),
        batchOf(1, 2).events.map((event) => [event, maxAttempts])
      )
      assert.strictEqual((yield* queue.depth).events, 0)
    })
  )
  law(
    "take: of a message without attempts left, what a store has is no dead letter",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 4))
      yield* failTimes(maxAttempts, {
        ...lease,
        unstored: (batch) => Effect.succeed([batch.slice(0, 1), batch.slice(3, 4)])
      })
      const letters = yield* queue.deadLetters.list({ limit: 10 })
      assert.deepStrictEqual(
        letters.map(({ event }) => event.event_id),
        [...ids(1, 1), ...ids(4, 1)]
      )
      assert.strictEqual((yield* queue.depth).events, 0)
    })
  )
  law(
    "take: a message without attempts left waits while nobody can tell what a store has of it",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 2))
      yield* failTimes(maxAttempts, { ...lease, unstored: () => Effect.fail("down" as const) })
      assert.deepStrictEqual(yield* queue.deadLetters.list({ limit: 10 }), [])
      assert.deepStrictEqual((yield* queue.counts).waiting, { default: 2 })
    })
  )
  law(
    "take: interruption returns the messages at once, uncounted",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 2))
      const taken = yield* Latch.make()
      const holder = yield* Effect.forkChild(
        Effect.scoped(Effect.andThen(queue.take(lease), Effect.andThen(taken.open, Effect.never)))
      )
      yield* taken.await
      yield* Fiber.interrupt(holder)
      const { attempt, batches } = yield* Effect.scoped(queue.take(lease))
      assert.deepStrictEqual([attempt, batches.length], [1, 1])
    })
  )
  law(
    "take: two takers never hold the same message",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 2))
      yield* queue.publish(batchOf(3, 2))
      const [first, second] = yield* Effect.scoped(
        Effect.all([takeIds({ ...lease, limit: 1 }), takeIds({ ...lease, limit: 1 })])
      )
      assert.deepStrictEqual([...first, ...second].toSorted(), ids(1, 4))
    })
  )
  law(
    "take: a lease that runs out is delivered again",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 2))
      yield* Effect.forkChild(Effect.scoped(Effect.andThen(queue.take({ ...lease, ackWaitMillis: 50 }), Effect.never)))
      yield* Effect.sleep(100)
      assert.deepStrictEqual(yield* consume(), ids(1, 2))
    })
  )
  law(
    "take: a delivery holds at most `limit` events, or one message",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      for (let from = 1; from <= 18; from += 3) yield* queue.publish(batchOf(from, 3))
      const upToSix = yield* consumeAll(9, { ...lease, limit: 6 })
      assert.isTrue(upToSix.every((events) => events.length === 3 || events.length === 6))
      const taken = upToSix.flat().length
      const single = yield* consumeAll(18 - taken, { ...lease, limit: 1 })
      assert.isTrue(single.every((events) => events.length === 3))
      assert.deepStrictEqual(
        [...upToSix, ...single].flat().map((event) => event.event_id),
        ids(1, 18)
      )
    })
  )
}

const deadLetterLaws = (law: QueueLaw) => {
  const setAside = Effect.gen(function* () {
    const queue = yield* EventQueue
    yield* queue.publish(batchOf(1, 3))
    yield* queue.take(lease).pipe(
      Effect.flatMap(({ batches }) => queue.deadLetter(batches[0]!.slice(1, 2), reason)),
      Effect.scoped
    )
    return queue
  })
  law(
    "deadLetters: list shows the event, its reason and nothing of its neighbours",
    Effect.gen(function* () {
      const queue = yield* setAside
      const letters = yield* queue.deadLetters.list({ limit: 10 })
      assert.deepStrictEqual(
        letters.map((letter) => [letter.event, letter.reason]),
        [[batchOf(2, 1).events[0]!, reason]]
      )
      assert.deepStrictEqual(yield* queue.deadLetters.list({ limit: 10, project_id: "other" }), [])
    })
  )
  law(
    "deadLetters: list pages by id",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 5))
      yield* queue.take(lease).pipe(
        Effect.flatMap(({ batches }) => queue.deadLetter(batches[0]!, reason)),
        Effect.scoped
      )
      const first = yield* queue.deadLetters.list({ limit: 3 })
      const rest = yield* queue.deadLetters.list({ limit: 3, after: first.at(-1)!.id })
      assert.deepStrictEqual(
        [...first, ...rest].map((letter) => letter.event.event_id),
        ids(1, 5)
      )
    })
  )
  law(
    "deadLetters: replay delivers again and empties the list",
    Effect.gen(function* () {
      const queue = yield* setAside
      const letters = yield* queue.deadLetters.list({ limit: 10 })
      assert.strictEqual(yield* queue.deadLetters.replay(letters.map((letter) => letter.id)), 1)
      assert.deepStrictEqual(yield* consume(), ids(2, 1))
      assert.deepStrictEqual(yield* queue.deadLetters.list({ limit: 10 }), [])
      assert.strictEqual(yield* queue.deadLetters.replay("all"), 0)
    })
  )
  law(
    "deadLetters: purge removes what is named and delivers nothing",
    Effect.gen(function* () {
      const queue = yield* setAside
      assert.strictEqual(yield* queue.deadLetters.purge(["no-such-letter"]), 0)
      assert.strictEqual(yield* queue.deadLetters.purge("all"), 1)
      assert.deepStrictEqual(yield* queue.deadLetters.list({ limit: 10 }), [])
      assert.strictEqual((yield* queue.depth).events, 0)
    })
  )
}
