import { assert, it } from "@effect/vitest"
import {
  StoreLedger,
  type StoreServices,
  type QueueServices,
  type WarehouseServices,
  QueueLedger,
  DeadLetters,
  EventBatch,
  EventQueue,
  EventStore,
  ledger,
  Pipeline,
  RowsRejected,
  Warehouse,
  WarehouseError
} from "@millrace/core"
import { batchOf, eventsOf, idOf, layerMemoryWarehouse } from "@millrace/testing"
import { postgres, type PostgresServer } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect, Fiber, Layer, Ref } from "effect"
import { Postgres } from "../src/index.ts"
import { connect, idsOf, type Place, replayAll } from "./support.ts"

/** The warehouse refuses these events until told otherwise. */
const warehouse = (refused: Ref.Ref<ReadonlySet<string>>) =>
  Layer.effect(
    Warehouse,
    Effect.map(Warehouse, (memory) => {
      const check = (batches: ReadonlyArray<EventBatch>) =>
        Effect.flatMap(Ref.get(refused), (ids) =>
          idsOf(batches).some((id) => ids.has(id))
            ? Effect.fail(new WarehouseError({ operation: "load", reason: new RowsRejected({ cause: "by the test" }) }))
            : Effect.void
        )
      return Warehouse.of({
        ...memory,
        rehearse: check,
        load: (page, as_of) => Effect.andThen(check(page.batches), memory.load(page, as_of))
      })
    })
  ).pipe(Layer.provideMerge(layerMemoryWarehouse))

interface Direct extends Place {
  readonly refused: Ref.Ref<ReadonlySet<string>>
}

await describeWithService("PostgreSQL without a queue", postgres(), (server, { owned }) => {
  const law = <E>(
    title: string,
    body: (place: Direct) => Effect.Effect<void, E, QueueServices | StoreServices | WarehouseServices | Pipeline>,
    skip = false
  ) =>
    it.live.skipIf(skip)(title, () =>
      Effect.gen(function* () {
        const url = yield* Effect.promise(() => server().createDatabase())
        const refused = yield* Ref.make<ReadonlySet<string>>(new Set())
        const services = Layer.provideMerge(
          Pipeline.layer({ loops: ["load"], loadIntervalMillis: 10 }),
          // The events of these tests are old: none is to be freed between two looks.
          Layer.merge(Postgres.direct({ url, retainDays: 100_000 }), warehouse(refused))
        )
        yield* Effect.flatMap(connect(url), (sql) => body({ url, sql, refused })).pipe(Effect.provide(services))
      }).pipe(Effect.scoped)
    )

  const publish = (batch: EventBatch) => Effect.flatMap(EventQueue, (queue) => queue.publish(batch))
  const flush = Effect.flatMap(Pipeline, (pipeline) => pipeline.flush)
  /** What was just stored may be hidden for a moment, behind a transaction that frees something. */
  const firstBatch = Effect.gen(function* () {
    const { replay } = yield* EventStore
    while (true) {
      const [first] = (yield* replay({ after: "", limit: 100 })).batches
      if (first !== undefined) return first
    }
  })
  const letters = Effect.flatMap(DeadLetters, (queue) => queue.list({ limit: 100 }))

  law("what publish has acknowledged is committed; many requests share a commit", ({ sql }) =>
    Effect.gen(function* () {
      yield* Effect.forEach(
        Array.from({ length: 200 }, (_, index) => batchOf(index * 2, 2)),
        publish,
        {
          concurrency: "unbounded",
          discard: true
        }
      )
      assert.strictEqual((yield* replayAll()).ids.length, 400)
      const [row] = yield* sql("SELECT count(DISTINCT xid) AS commits FROM events")
      assert.isBelow(Number(row?.["commits"]), 100)
      yield* publish(batchOf(0, 10))
      yield* flush
      assert.deepStrictEqual(yield* ledger("default"), {
        accepted: 410,
        stored: 400,
        duplicates: 10,
        dead_lettered: 0,
        replayed: 0,
        in_flight: 0,
        lost: 0,
        difference: 0
      })
    })
  )

  law("an event that the store refuses for good is set aside; its request and its neighbours succeed", ({ sql }) =>
    Effect.gen(function* () {
      yield* sql("ALTER TABLE events ADD CONSTRAINT poison CHECK (user_id <> 'poison')")
      const poisoned = EventBatch.fromEvents([...eventsOf(1_000, 3), ...eventsOf(2_000, 1, { user_id: "poison" })])
      const batches = [...Array.from({ length: 30 }, (_, index) => batchOf(index * 2, 2)), poisoned]
      yield* Effect.forEach(batches, publish, { concurrency: "unbounded", discard: true })
      yield* flush
      const found = yield* letters
      assert.deepStrictEqual(
        found.map(({ event, reason }) => [event.event_id, reason.stage, reason.code]),
        [[idOf(2_000), "store", "StoreRejected"]]
      )
      assert.deepInclude(yield* ledger("default"), { accepted: 64, stored: 63, dead_lettered: 1, difference: 0 })
      // Still refused: a replay makes a new letter of it, and no event is lost on the way.
      assert.strictEqual(yield* (yield* DeadLetters).replay("all"), 1)
      assert.deepInclude(yield* ledger("default"), { accepted: 65, dead_lettered: 2, replayed: 1, difference: 0 })
      yield* sql("ALTER TABLE events DROP CONSTRAINT poison")
      assert.strictEqual(yield* (yield* DeadLetters).replay("all"), 1)
      yield* flush
      assert.deepInclude(yield* ledger("default"), { accepted: 66, stored: 64, replayed: 2, difference: 0 })
      assert.deepStrictEqual(yield* letters, [])
    })
  )

  law(
    "what the warehouse refused is counted after a replay, and set aside once however often the load is repeated",
    (place) =>
      Effect.gen(function* () {
        yield* Ref.set(place.refused, new Set([idOf(5)]))
        yield* publish(batchOf(1, 10))
        const read = yield* firstBatch
        yield* flush
        const [letter] = yield* letters
        assert.strictEqual(letter?.event.event_id, idOf(5))
        // Of a page that was read before; where the loader was faster, it was left out of the page already.
        const at = read.events.findIndex(({ event_id }) => event_id === idOf(5))
        if (at >= 0) yield* (yield* DeadLetters).put(read.slice(at, at + 1), { ...letter!.reason })
        assert.deepInclude(yield* ledger("default"), { accepted: 10, stored: 9, dead_lettered: 1, difference: 0 })
        assert.strictEqual(yield* (yield* DeadLetters).replay([letter!.id]), 1)
        yield* flush
        assert.deepInclude(yield* ledger("default"), { accepted: 11, stored: 9, dead_lettered: 2, difference: 0 })
        yield* Ref.set(place.refused, new Set())
        assert.strictEqual(yield* (yield* DeadLetters).replay("all"), 1)
        yield* flush
        assert.deepInclude(yield* ledger("default"), {
          accepted: 12,
          stored: 10,
          dead_lettered: 2,
          replayed: 2,
          difference: 0
        })
      })
  )

  law("backlog: what was set aside is left out as far as the counts hold it as dead letters", () =>
    Effect.gen(function* () {
      const { backlog } = yield* StoreLedger
      yield* publish(batchOf(1, 10))
      const read = yield* firstBatch
      const before = yield* (yield* QueueLedger).counts
      yield* (yield* DeadLetters).put(read.slice(4, 5), { stage: "warehouse", code: "No", message: "no", attempts: 1 })
      const after = yield* (yield* QueueLedger).counts
      assert.deepStrictEqual([before.deadLettered["default"], after.deadLettered], [0, { default: 1 }])
      assert.deepStrictEqual(yield* backlog("", before.inFlight), { default: 10 })
      assert.deepStrictEqual(yield* backlog("", after.inFlight), { default: 9 })
    })
  )

  law("letters are listed in order, by project, and purged by id; foreign ids select nothing", () =>
    Effect.gen(function* () {
      const kept = yield* DeadLetters
      const reason = { stage: "store", code: "Refused", message: "nul \0 and \ud800", attempts: 1 } as const
      yield* kept.put(batchOf(1, 3), reason)
      yield* kept.put(batchOf(4, 1, { project_id: "other" }), reason)
      const own = yield* kept.list({ limit: 2, project_id: "default" })
      assert.deepStrictEqual(
        own.map(({ event }) => event.event_id),
        [idOf(1), idOf(2)]
      )
      const rest = yield* kept.list({ limit: 9, after: own[1]!.id })
      assert.deepStrictEqual(
        rest.map(({ event }) => event.event_id),
        [idOf(3), idOf(4)]
      )
      assert.deepStrictEqual(yield* kept.list({ limit: 9, after: "x" }), [])
      assert.strictEqual(yield* kept.purge(["x", "-1", own[0]!.id]), 1)
      assert.strictEqual(yield* kept.purge("all"), 3)
      assert.deepStrictEqual((yield* (yield* QueueLedger).counts).deadLettered, { default: 3, other: 1 })
    })
  )

  law("the ledger balances at every moment, also while requests come and pages are loaded", () =>
    Effect.gen(function* () {
      const publishing = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 400 }, (_, index) => batchOf(index, 2)),
          publish,
          { concurrency: 8 }
        )
      )
      let read = 0
      while (publishing.pollUnsafe() === undefined) {
        assert.strictEqual((yield* ledger("default")).difference, 0, `after ${read} readings`)
        read++
      }
      yield* Fiber.join(publishing)
      assert.isAbove(read, 3)
      yield* flush
      assert.deepInclude(yield* ledger("default"), { accepted: 800, stored: 401, duplicates: 399, difference: 0 })
    })
  )

  law(
    "PostgreSQL away: nothing is acknowledged, and when it is back everything works again",
    () =>
      Effect.gen(function* () {
        const queue = yield* EventQueue
        yield* publish(batchOf(1, 10))
        yield* Effect.promise(() => server().kill())
        const refusals = yield* Effect.forEach([1, 2, 3], () => Effect.flip(publish(batchOf(11, 10))))
        assert.isTrue(refusals.every(({ retryable }) => retryable))
        // The connections that broke may have carried something; a new one is refused, and certainly did not.
        assert.strictEqual(refusals.at(-1)?.reason._tag, "QueueUnavailable")
        assert.isTrue(yield* Effect.isFailure(queue.waiting))
        yield* Effect.promise(() => server().start())
        yield* Effect.eventually(publish(batchOf(11, 10)))
        yield* Effect.eventually(flush)
        const { accepted, duplicates, stored, ...rest } = yield* ledger("default")
        assert.deepStrictEqual([stored, accepted - duplicates, rest.difference], [20, 20, 0])
      }),
    !owned
  )
})

for (const fsync of [true, false]) {
  await describeWithService(`fsync ${fsync}`, postgres({ fsync }), (server: () => PostgresServer) => {
    it.live("durability is what the server keeps", () =>
      Effect.gen(function* () {
        const url = yield* Effect.promise(() => server().createDatabase())
        const { durability } = yield* Effect.provide(EventQueue, Postgres.direct({ url }))
        assert.strictEqual(durability, fsync ? "fsync" : "process-crash")
      })
    )
  })
}
