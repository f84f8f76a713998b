import { assert, describe, it } from "@effect/vitest"
import {
  QueueLedger,
  DeadLetters,
  accept,
  drain,
  EventQueue,
  EventStore,
  EventStoreError,
  ledger,
  load,
  Pipeline,
  RowsRejected,
  StoreRejected,
  StoreUnavailable,
  Warehouse,
  WarehouseError
} from "@millrace/core"
import { batchOf, idOf, layerMemoryQueue, layerMemoryStore, layerMemoryWarehouse } from "../../testing/src/index.ts"
import { Deferred, Effect, Fiber, Layer, Ref } from "effect"

const memory = () =>
  Layer.mergeAll(layerMemoryQueue({ maxAttempts: 3, backoffMillis: 1 }), layerMemoryStore, layerMemoryWarehouse)

const raw = (number: number, fields: object = {}) => ({
  event_id: idOf(number),
  occurred_at: "2026-01-01T00:00:00Z",
  user_id: "ann",
  event_type: "visit",
  ...fields
})

const lease = { limit: 100, ackWaitMillis: 1_000 }

/** A store that refuses some events for good, and is down for its first `outages` calls. */
const fussyStore = (refuse: (id: string) => boolean, outages = 0) =>
  Layer.effect(
    EventStore,
    Effect.gen(function* () {
      const store = yield* EventStore
      const left = yield* Ref.make(outages)
      return EventStore.of({
        ...store,
        append: Effect.fnUntraced(function* (batches) {
          if ((yield* Ref.getAndUpdate(left, (count) => count - 1)) > 0) {
            return yield* new EventStoreError({ operation: "append", reason: new StoreUnavailable({ cause: "down" }) })
          }
          if (batches.some((batch) => batch.events.some((event) => refuse(event.event_id)))) {
            return yield* new EventStoreError({ operation: "append", reason: new StoreRejected({ cause: "refused" }) })
          }
          return yield* store.append(batches)
        })
      })
    })
  ).pipe(Layer.provideMerge(layerMemoryStore))

const fussyWarehouse = (refuse: (id: string) => boolean) =>
  Layer.effect(
    Warehouse,
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      const check = (batches: ReadonlyArray<ReturnType<typeof batchOf>>) =>
        batches.some((batch) => batch.events.some((event) => refuse(event.event_id)))
          ? Effect.fail(new WarehouseError({ operation: "load", reason: new RowsRejected({ cause: "refused" }) }))
          : Effect.void
      return Warehouse.of({
        ...warehouse,
        rehearse: check,
        load: (page, as_of) => Effect.andThen(check(page.batches), warehouse.load(page, as_of))
      })
    })
  ).pipe(Layer.provideMerge(layerMemoryWarehouse))

const storedIds = Effect.gen(function* () {
  const { batches } = yield* (yield* EventStore).replay({ after: "", limit: 1_000 })
  return batches.flatMap((batch) => batch.events.map((event) => event.event_id))
})

const letterIds = Effect.gen(function* () {
  const letters = yield* (yield* DeadLetters).list({ limit: 1_000 })
  return letters.map((letter) => letter.event.event_id)
})

describe("accept", () => {
  it.live("one bad event never costs its neighbours, and is named by index and path", () =>
    Effect.gen(function* () {
      const verdict = yield* accept({ events: [raw(1), raw(2, { user_id: 7 }), raw(3)], sent_at: undefined }, "default")
      assert.strictEqual(verdict.accepted, 2)
      assert.deepStrictEqual(
        verdict.rejected.map(({ code, event_id, index, path }) => [index, event_id, path, code]),
        [[1, idOf(2), "/user_id", "wrong_type"]]
      )
      const { batches } = yield* Effect.scoped((yield* EventQueue).take(lease))
      assert.deepStrictEqual(
        batches.flatMap((batch) => batch.events.map((event) => event.event_id)),
        [idOf(1), idOf(3)]
      )
    }).pipe(Effect.provide(memory()))
  )
  it.live("nothing accepted publishes nothing", () =>
    Effect.gen(function* () {
      const verdict = yield* accept({ events: [1, null], sent_at: undefined }, "default")
      assert.deepStrictEqual([verdict.accepted, verdict.rejected.length], [0, 2])
      assert.strictEqual((yield* (yield* EventQueue).waiting).events, 0)
    }).pipe(Effect.provide(memory()))
  )
  it.live("a batch over 512 KiB travels as several messages, every event once", () =>
    Effect.gen(function* () {
      const events = Array.from({ length: 30 }, (_, index) => raw(index, { properties: { pad: "x".repeat(60_000) } }))
      yield* accept({ events, sent_at: undefined }, "default")
      const { batches } = yield* Effect.scoped((yield* EventQueue).take(lease))
      assert.isTrue(batches.every((batch) => batch.bytes.length <= 512 * 1024))
      assert.deepStrictEqual(
        batches.flatMap((batch) => batch.events.map((event) => event.event_id)).toSorted(),
        events.map((event) => event.event_id).toSorted()
      )
    }).pipe(Effect.provide(memory()))
  )
})

describe("drain", () => {
  const refused = new Set([idOf(3), idOf(4), idOf(17)])
  it.live("a permanent refusal dead-letters only the refused events; the others are stored; then it acknowledges", () =>
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 10))
      yield* queue.publish(batchOf(11, 10))
      const report = yield* drain(lease)
      assert.deepStrictEqual(report, { stored: 17, duplicates: 0, deadLettered: 3 })
      assert.deepStrictEqual(yield* letterIds, [...refused])
      const all = Array.from({ length: 20 }, (_, index) => idOf(index + 1))
      assert.deepStrictEqual(
        yield* storedIds,
        all.filter((id) => !refused.has(id))
      )
      assert.strictEqual((yield* queue.waiting).events, 0)
    }).pipe(Effect.provide(fussyStore((id) => refused.has(id)).pipe(Layer.merge(layerMemoryQueue()))))
  )
  it.live("a passing failure delivers again, and nothing is stored twice or lost", () =>
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 5))
      const first = yield* Effect.result(drain(lease))
      assert.strictEqual(first._tag, "Failure")
      assert.strictEqual((yield* queue.waiting).events, 5)
      yield* drain(lease)
      assert.strictEqual((yield* storedIds).length, 5)
      assert.deepStrictEqual(yield* letterIds, [])
    }).pipe(Effect.provide(fussyStore(() => false, 1).pipe(Layer.merge(layerMemoryQueue({ backoffMillis: 1 })))))
  )
  it.live(
    "who ends in the midst of a delivery settles it first: nothing of it is stored or set aside and waits as well",
    () =>
      Effect.gen(function* () {
        const queue = yield* EventQueue
        const store = yield* EventStore
        const [stored, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const slow = EventStore.of({
          ...store,
          append: (batches) =>
            Effect.tap(store.append(batches), () =>
              Effect.andThen(Deferred.succeed(stored, undefined), Deferred.await(goOn))
            )
        })
        yield* queue.publish(batchOf(1, 5))
        const draining = yield* Effect.forkChild(Effect.provideService(drain(lease), EventStore, slow))
        yield* Deferred.await(stored)
        const ending = yield* Effect.forkChild(Fiber.interrupt(draining), { startImmediately: true })
        yield* Deferred.succeed(goOn, undefined)
        yield* Fiber.join(ending)
        const { waiting } = yield* (yield* QueueLedger).counts
        assert.deepStrictEqual([(yield* storedIds).length, waiting["default"] ?? 0], [5, 0])
      }).pipe(Effect.provide(Layer.merge(layerMemoryQueue(), layerMemoryStore)))
  )
  it.live("who ends in the midst of a delivery waits no longer than the store's own time-out", () =>
    Effect.gen(function* () {
      const queue = yield* EventQueue
      const store = yield* EventStore
      const asked = yield* Deferred.make<void>()
      const gone = new EventStoreError({ operation: "append", reason: new StoreUnavailable({ cause: "no answer" }) })
      const silent = EventStore.of({
        ...store,
        append: () =>
          Effect.andThen(Deferred.succeed(asked, undefined), Effect.never).pipe(
            Effect.timeoutOrElse({ duration: 1, orElse: () => Effect.fail(gone) })
          )
      })
      yield* queue.publish(batchOf(1, 5))
      const draining = yield* Effect.forkChild(Effect.provideService(drain(lease), EventStore, silent))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(draining)
      assert.strictEqual((yield* (yield* QueueLedger).counts).waiting["default"], 5)
    }).pipe(Effect.provide(Layer.merge(layerMemoryQueue(), layerMemoryStore)))
  )
  it.live("who ends while nothing comes ends at once", () =>
    Effect.gen(function* () {
      const draining = yield* Effect.forkChild(drain(lease), { startImmediately: true })
      yield* Fiber.interrupt(draining)
      assert.strictEqual((yield* (yield* EventQueue).waiting).events, 0)
    }).pipe(Effect.provide(Layer.merge(layerMemoryQueue(), layerMemoryStore)))
  )
})

describe("load", () => {
  it.live("as_of moves to now when caught up, but never past an event that still waits in the queue", () =>
    Effect.gen(function* () {
      const queue = yield* EventQueue
      const warehouse = yield* Warehouse
      yield* queue.publish(batchOf(1, 2))
      yield* load({ limit: 100 })
      assert.strictEqual((yield* warehouse.watermark).as_of, batchOf(1, 2).received_at)
      yield* drain(lease)
      const before = Date.now() * 1000
      yield* load({ limit: 100 })
      assert.isAtLeast((yield* warehouse.watermark).as_of, before)
    }).pipe(Effect.provide(memory()))
  )
  it.live("as_of stays while a page is not the last", () =>
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 10))
      yield* drain(lease)
      const report = yield* load({ limit: 4 })
      assert.isFalse(report.caughtUp)
      assert.strictEqual((yield* (yield* Warehouse).watermark).as_of, 0)
    }).pipe(Effect.provide(memory()))
  )
  it.live("a row the warehouse refuses is dead-lettered, its page is loaded, and the ledger balances", () =>
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* queue.publish(batchOf(1, 9))
      yield* drain(lease)
      const report = yield* load({ limit: 100 })
      assert.deepStrictEqual([report.inserted, report.deadLettered], [8, 1])
      assert.deepStrictEqual(yield* letterIds, [idOf(5)])
      assert.strictEqual((yield* ledger("default")).difference, 0)
    }).pipe(
      Effect.provide(
        fussyWarehouse((id) => id === idOf(5)).pipe(Layer.merge(layerMemoryStore), Layer.merge(layerMemoryQueue()))
      )
    )
  )
})

describe("Pipeline", () => {
  const running = Pipeline.layer({ loadIntervalMillis: 5, retryMillis: 1 })
  it.live("flush: everything accepted before is counted, and the ledger balances", () =>
    Effect.gen(function* () {
      const queue = yield* EventQueue
      yield* Effect.forEach([1, 11, 6], (from) => queue.publish(batchOf(from, 10)))
      yield* queue.publish(batchOf(1, 3, { project_id: "other" }))
      yield* (yield* Pipeline).flush
      assert.deepStrictEqual(yield* ledger("default"), {
        accepted: 30,
        stored: 20,
        duplicates: 10,
        dead_lettered: 0,
        replayed: 0,
        in_flight: 0,
        lost: 0,
        difference: 0
      })
      assert.strictEqual((yield* ledger("other")).stored, 3)
    }).pipe(Effect.provide(running.pipe(Layer.provideMerge(memory()))))
  )
  it.live("an outage of the store delays, and loses nothing", () =>
    Effect.gen(function* () {
      yield* (yield* EventQueue).publish(batchOf(1, 10))
      yield* (yield* Pipeline).flush
      assert.strictEqual((yield* ledger("default")).stored, 10)
    }).pipe(
      Effect.provide(
        running.pipe(
          Layer.provideMerge(
            fussyStore(() => false, 4).pipe(
              Layer.merge(layerMemoryQueue({ backoffMillis: 1 })),
              Layer.merge(layerMemoryWarehouse)
            )
          )
        )
      )
    )
  )
  it.live("an outage of the store, however long, costs a message one attempt", () =>
    Effect.gen(function* () {
      yield* (yield* EventQueue).publish(batchOf(1, 10))
      yield* (yield* Pipeline).flush
      assert.deepInclude(yield* ledger("default"), { stored: 10, dead_lettered: 0 })
    }).pipe(
      Effect.provide(
        Pipeline.layer({ loadIntervalMillis: 5, retryMillis: 1, maxRetryMillis: 2 }).pipe(
          Layer.provideMerge(
            fussyStore(() => false, 30).pipe(
              Layer.merge(layerMemoryQueue({ backoffMillis: 1, maxAttempts: 2 })),
              Layer.merge(layerMemoryWarehouse)
            )
          )
        )
      )
    )
  )
  it.live("closing loads what was accepted", () =>
    Effect.gen(function* () {
      const services = yield* Layer.build(memory())
      const inside = Effect.gen(function* () {
        yield* (yield* EventQueue).publish(batchOf(1, 10))
      })
      yield* inside.pipe(
        Effect.provide(Pipeline.layer({ loadIntervalMillis: 60_000 })),
        Effect.provideContext(services)
      )
      const { stored } = yield* Effect.provideContext(ledger("default"), services)
      assert.strictEqual(stored, 10)
    }).pipe(Effect.scoped)
  )
  it.live("a process runs the loops it is given, and no other", () =>
    Effect.gen(function* () {
      const services = yield* Layer.build(memory())
      const flushed = (loop: "drain" | "load") =>
        Effect.flatMap(Pipeline, ({ flush }) => flush).pipe(
          Effect.provide(Pipeline.layer({ loops: [loop] })),
          Effect.andThen(ledger("default")),
          Effect.provideContext(services)
        )
      yield* Effect.provideContext(
        Effect.flatMap(EventQueue, (queue) => queue.publish(batchOf(1, 10))),
        services
      )
      assert.strictEqual((yield* flushed("load")).in_flight, 10)
      const waiting = Effect.map(EventQueue, ({ waiting: now }) => now).pipe(
        Effect.flatten,
        Effect.provideContext(services)
      )
      assert.strictEqual((yield* waiting).events, 10)
      assert.strictEqual((yield* flushed("drain")).stored, 0)
      assert.strictEqual((yield* waiting).events, 0)
      assert.strictEqual((yield* flushed("load")).stored, 10)
    }).pipe(Effect.scoped)
  )
})
