import { assert, describe, it } from "@effect/vitest"
import {
  drain,
  EventQueue,
  EventStore,
  eraseUser,
  ledger,
  makeLoadAhead,
  Pipeline,
  query,
  Warehouse,
  WarehouseError,
  WarehouseUnavailable
} from "@millrace/core"
import { batchOf, layerMemoryQueue, layerMemoryStore, layerMemoryWarehouse } from "../../testing/src/index.ts"
import { Context, Deferred, Effect, Exit, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"

/** What was asked of store and warehouse, in the order in which it was done: `fetch <cursor>`, `load <cursor>`. */
class Trail extends Context.Service<
  Trail,
  {
    readonly done: Array<string>
    /** Returns once this was done. */
    readonly until: (action: string) => Effect.Effect<void>
    /** What happens right before this is done, once. */
    readonly before: Map<string, Effect.Effect<void, WarehouseError>>
  }
>()("test/Trail") {
  static readonly layer = Layer.sync(Trail, () => {
    const done: Array<string> = []
    const until = (action: string): Effect.Effect<void> =>
      Effect.suspend(() => (done.includes(action) ? Effect.void : Effect.delay(until(action), 1)))
    return Trail.of({ done, until, before: new Map() })
  })
}

const followed = <A, E>(action: string, effect: Effect.Effect<A, E>) =>
  Effect.flatMap(Trail, ({ before, done }) => {
    const first = before.get(action) ?? Effect.void
    before.delete(action)
    return Effect.andThen(first, effect).pipe(Effect.tap(() => Effect.sync(() => done.push(action))))
  })

const followedStore = Layer.effect(
  EventStore,
  Effect.gen(function* () {
    const [store, trail] = [yield* EventStore, yield* Effect.context<Trail>()]
    return EventStore.of({
      ...store,
      replay: (options) =>
        followed(`fetch ${options.after}`, store.replay(options)).pipe(
          Effect.catch((error) => Effect.die(error)),
          Effect.provideContext(trail)
        )
    })
  })
)

const followedWarehouse = Layer.effect(
  Warehouse,
  Effect.gen(function* () {
    const [warehouse, trail] = [yield* Warehouse, yield* Effect.context<Trail>()]
    return Warehouse.of({
      ...warehouse,
      load: (page, as_of) => Effect.provideContext(followed(`load ${page.cursor}`, warehouse.load(page, as_of)), trail)
    })
  })
)

const services = Layer.mergeAll(
  layerMemoryQueue(),
  followedStore.pipe(Layer.provideMerge(layerMemoryStore)),
  followedWarehouse.pipe(Layer.provideMerge(layerMemoryWarehouse))
).pipe(Layer.provideMerge(Trail.layer))

const lease = { limit: 1_000, ackWaitMillis: 1_000 }
const accept = Effect.fnUntraced(function* (from: number, count: number, fields: object = {}) {
  yield* (yield* EventQueue).publish(batchOf(from, count, fields))
  yield* drain(lease)
})
const stored = Effect.map(ledger("default"), (counts) => counts.stored)
const unavailable = new WarehouseError({
  operation: "load",
  reason: new WarehouseUnavailable({ cause: "by the test" })
})

const law = <A, E>(name: string, body: Effect.Effect<A, E, Layer.Success<typeof services> | Scope.Scope>) =>
  it.live(name, () => body.pipe(Effect.scoped, Effect.provide(services)), 30_000)

describe("loading ahead", () => {
  law(
    "the next page is fetched while one is loaded; one ahead, not two",
    Effect.gen(function* () {
      const trail = yield* Trail
      yield* accept(1, 12)
      const load = yield* makeLoadAhead({ limit: 4 })
      // Would wait for ever if a page were only fetched once the one before it is loaded.
      trail.before.set("load 4", trail.until("fetch 4"))
      trail.before.set("load 8", trail.until("fetch 8"))
      assert.deepStrictEqual(yield* load, {
        inserted: 4,
        duplicates: 0,
        deadLettered: 0,
        caughtUp: false,
        advanced: true
      })
      assert.deepStrictEqual(trail.done, ["fetch ", "fetch 4", "load 4"])
      yield* load
      assert.deepStrictEqual(trail.done.slice(3), ["fetch 8", "load 8"])
      yield* load
      assert.deepStrictEqual(trail.done.slice(5), ["load 12"])
      assert.deepInclude(yield* ledger("default"), { stored: 12, difference: 0 })
    })
  )
  law(
    "after a load that failed the watermark says where to go on; what was fetched ahead of it is dropped",
    Effect.gen(function* () {
      const trail = yield* Trail
      yield* accept(1, 12)
      const load = yield* makeLoadAhead({ limit: 4 })
      trail.before.set("load 4", Effect.andThen(trail.until("fetch 4"), Effect.fail(unavailable)))
      assert.strictEqual(yield* Effect.flip(load), unavailable)
      yield* load
      assert.deepStrictEqual(trail.done.slice(0, 4), ["fetch ", "fetch 4", "fetch ", "load 4"])
      while (!(yield* load).caughtUp);
      assert.strictEqual(trail.done.filter((action) => action === "fetch 4").length, 2)
      assert.deepInclude(yield* ledger("default"), { stored: 12, duplicates: 0, difference: 0 })
    })
  )
  law(
    "a commit whose answer was lost: the page ahead of it is dropped, and the next run goes on behind it",
    Effect.gen(function* () {
      const [trail, warehouse, store] = [yield* Trail, yield* Warehouse, yield* EventStore]
      yield* accept(1, 12)
      const load = yield* makeLoadAhead({ limit: 4 })
      const first = yield* store.replay({ after: "", limit: 4 })
      // Its own `load` takes the place of the one that is called, which then tells of a failure.
      const lost = Effect.andThen(
        trail.until("fetch 4"),
        Effect.andThen(warehouse.load(first), Effect.fail(unavailable))
      )
      trail.before.set("load 4", lost)
      assert.strictEqual(yield* Effect.flip(load), unavailable)
      while (!(yield* load).caughtUp);
      assert.strictEqual(trail.done.filter((action) => action === "fetch 4").length, 2)
      assert.deepInclude(yield* ledger("default"), { stored: 12, duplicates: 0, difference: 0 })
    })
  )
  law(
    "a page that does not begin at the watermark is dropped",
    Effect.gen(function* () {
      const [trail, warehouse, store] = [yield* Trail, yield* Warehouse, yield* EventStore]
      yield* accept(1, 12)
      const load = yield* makeLoadAhead({ limit: 4 })
      yield* load
      yield* trail.until("fetch 4")
      // Somebody else loads what lies behind the first page.
      yield* warehouse.load(yield* store.replay({ after: "4", limit: 6 }))
      yield* load
      assert.deepStrictEqual(trail.done.slice(-2), ["fetch 10", "load 12"])
      assert.deepInclude(yield* ledger("default"), { stored: 12, duplicates: 0, difference: 0 })
    })
  )
  law(
    "as_of: a page that waited claims what it holds, not what came meanwhile; nor does its report say that nothing did",
    Effect.gen(function* () {
      const [trail, warehouse] = [yield* Trail, yield* Warehouse]
      yield* accept(1, 8)
      const load = yield* makeLoadAhead({ limit: 4 })
      yield* load
      yield* trail.until("fetch 4")
      const late = Date.now() * 1000 + 1
      while (Date.now() * 1000 <= late) yield* Effect.sleep(1)
      yield* accept(9, 3)
      assert.deepInclude(yield* load, { inserted: 4, caughtUp: false })
      assert.isBelow((yield* warehouse.watermark).as_of, late)
      assert.deepInclude(yield* load, { inserted: 3, caughtUp: true })
      assert.isAtLeast((yield* warehouse.watermark).as_of, late)
    })
  )
  law(
    "a page fetched before an erasure and loaded after it does not bring the user back; it is counted",
    Effect.gen(function* () {
      const trail = yield* Trail
      yield* accept(1, 4, { user_id: "stays" })
      yield* accept(5, 4, { user_id: "gone" })
      const load = yield* makeLoadAhead({ limit: 4 })
      yield* load
      yield* trail.until("fetch 4")
      const erasing = eraseUser({ project_id: "default", user_id: "gone" })
      const { complete } = yield* Effect.provide(erasing, Layer.succeed(Pipeline, { flush: Effect.void }))
      assert.isTrue(complete)
      assert.deepInclude(yield* load, { inserted: 4 })
      const { rows } = yield* query({
        metric: "dau",
        project_id: "default",
        params: { from: "2026-01-01", to: "2026-01-01" }
      })
      assert.strictEqual(rows[0]?.users, 1)
      assert.deepInclude(yield* ledger("default"), { stored: 8, difference: 0 })
    })
  )
  law(
    "closing loads all that was accepted, page after page",
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const loops = Pipeline.layer({ loops: ["load"], loadLimit: 4, loadIntervalMillis: 3_600_000 })
      yield* Layer.buildWithScope(loops, scope)
      yield* (yield* Trail).until("fetch ")
      yield* accept(1, 40)
      yield* Scope.close(scope, Exit.void)
      assert.deepInclude(yield* ledger("default"), { stored: 40, in_flight: 0, difference: 0 })
    })
  )
  law(
    "flush: what was accepted while a page waited is counted",
    Effect.gen(function* () {
      const trail = yield* Trail
      const held = yield* Deferred.make<void>()
      yield* accept(1, 8)
      trail.before.set("load 4", Effect.andThen(trail.until("fetch 4"), Deferred.await(held)))
      const flushed = Effect.gen(function* () {
        yield* trail.until("fetch 4")
        yield* (yield* EventQueue).publish(batchOf(9, 3))
        yield* Deferred.succeed(held, undefined)
        yield* (yield* Pipeline).flush
        return yield* stored
      })
      const pipeline = Pipeline.layer({ loadLimit: 4, loadIntervalMillis: 60_000, retryMillis: 1 })
      assert.strictEqual(yield* Effect.provide(flushed, pipeline), 11)
    })
  )
})

describe("the load loop", () => {
  it.effect("asks once an interval where nothing can be read yet, whatever lies behind that", () =>
    Effect.gen(function* () {
      let asked = 0
      // As while an earlier message waits for its next attempt, or a transaction runs.
      const heldBack = Layer.effect(
        EventStore,
        Effect.map(EventStore, (store) => ({
          ...store,
          replay: ({ after }: { readonly after: string }) =>
            Effect.sync(() => {
              asked++
              return { batches: [], cursor: after, duplicates: {}, caughtUp: false }
            })
        }))
      ).pipe(Layer.provideMerge(layerMemoryStore))
      const parts = Layer.mergeAll(layerMemoryQueue(), heldBack, layerMemoryWarehouse)
      const pipeline = Pipeline.layer({ loops: ["load"], loadIntervalMillis: 1_000 }).pipe(Layer.provide(parts))
      // Never closed: the last flush would wait for a clock that nobody moves.
      yield* Layer.buildWithScope(pipeline, yield* Scope.make())
      for (let turn = 0; turn < 1_000; turn++) yield* Effect.yieldNow
      assert.strictEqual(asked, 1)
      yield* TestClock.adjust(1_000)
      assert.strictEqual(asked, 2)
    })
  )
})
