import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, type Layer } from "effect"
import { type Event, EventQueue, type EventQueueError, type TakeOptions } from "@millrace/core"
import { batchOf } from "./events.ts"

export interface EventQueueContractOptions<E> {
  /** A layer that is built anew, and empty, for every test. Its backoff should be short: the laws wait for it. */
  readonly layer: () => Layer.Layer<EventQueue, E>
  /** Attempts as the layer is configured; 3 is a good choice. */
  readonly maxAttempts: number
}

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
  const law: QueueLaw<EventQueue> = (title, body) => it.live(title, () => Effect.provide(body, options.layer()))
  describe(`EventQueue contract: ${name}`, () => {
    deliveryLaws(law, options.maxAttempts)
    waitingLaws(law)
    traceLaws(law)
  })
}

export type QueueLaw<Services> = (title: string, body: Effect.Effect<void, EventQueueError, Services>) => void

const deliveryLaws = (law: QueueLaw<EventQueue>, maxAttempts: number) => {
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
      assert.strictEqual((yield* queue.waiting).events, 0)
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
    "take: a failure redelivers with a higher attempt; after the last one the batch is handed over, and the queue is done with it",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 2))
      const over: Array<readonly [Event, number]> = []
      const attempts = yield* failTimes(maxAttempts, {
        ...lease,
        exhausted: ({ events }, { attempts: made }) =>
          Effect.sync(() => void over.push(...events.map((event) => [event, made] as const)))
      })
      assert.deepStrictEqual(
        attempts,
        Array.from({ length: maxAttempts }, (_, index) => index + 1)
      )
      assert.deepStrictEqual(
        over,
        batchOf(1, 2).events.map((event) => [event, maxAttempts])
      )
      assert.strictEqual((yield* queue.waiting).events, 0)
    })
  )
  law(
    "take: a message without attempts left waits while nobody can take it over",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 2))
      yield* failTimes(maxAttempts, { ...lease, exhausted: () => Effect.fail("down" as const) })
      assert.strictEqual((yield* queue.waiting).events, 2)
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

const waitingLaws = (law: QueueLaw<EventQueue>) => {
  law(
    "waiting: the oldest waiting event's acceptance is its age",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      assert.strictEqual((yield* queue.waiting).oldestReceivedAt, undefined)
      const older = batchOf(1, 1)
      yield* queue.publish(older)
      yield* queue.publish(batchOf(2, 1))
      const waiting = yield* queue.waiting
      assert.deepStrictEqual([waiting.events, waiting.oldestReceivedAt], [2, older.received_at])
    })
  )
}

const TRACES = [
  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
]
const traceLaws = (law: QueueLaw<EventQueue>) => {
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
}
