import { assert, describe, it } from "@effect/vitest"
import {
  WarehouseLedger,
  countFailure,
  EventQueue,
  EventStore,
  LoopRegistry,
  Loops,
  type LoopStatus,
  Pipeline,
  type PipelineLoop,
  superviseLoop,
  superviseOnce,
  waitForWork,
  Warehouse
} from "@millrace/core"
import { batchOf, layerMemoryQueue, layerMemoryStore, layerMemoryWarehouse } from "../../testing/src/index.ts"
import { Clock, Deferred, Effect, Fiber, Layer, Logger, Queue } from "effect"
import { TestClock } from "effect/testing"
import { makeCommitGroup } from "../src/kit/CommitGroup.ts"

const statusOf = Effect.fnUntraced(function* (name: string) {
  const found = (yield* Loops).status(yield* Clock.currentTimeMillis).find((loop) => loop.name === name)
  return found as LoopStatus
})

/** Log lines as text. */
const withLines = <A, E, R>(use: (lines: ReadonlyArray<string>) => Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${String(message)}`))
  return Effect.provide(use(lines), Logger.layer([logger]))
}

const ownRegistry = Effect.provideServiceEffect(
  Loops,
  Effect.sync(() => new LoopRegistry())
)

/** What a run does that ends in no success, and what that is called. */
const ENDS = [
  ["a throw", () => Effect.sync(() => assert.fail("planted")), "defect", "Error"],
  ["a rejected promise", () => Effect.promise(() => Promise.reject(new Error("planted"))), "defect", "Error"],
  ["a typed failure", () => Effect.fail("planted"), "failing", "Warn"],
  ["an interruption from within", () => Effect.interrupt, "failing", "Warn"],
  ["a fiber that was interrupted elsewhere", () => Effect.flatMap(gone, Fiber.join), "failing", "Warn"]
] as const

const gone = Effect.tap(Effect.forkChild(Effect.never), Fiber.interrupt)

describe("a loop", () => {
  for (const [name, end, kind, level] of ENDS) {
    it.effect(`goes on after ${name}, says it and counts it`, () =>
      withLines((lines) =>
        Effect.gen(function* () {
          let runs = 0
          const step = Effect.suspend(() => (++runs <= 3 ? end() : Effect.succeed(1_000)))
          yield* superviseLoop({ name: "planted", retryMillis: 100, maxRetryMillis: 300 }, step)
          yield* TestClock.adjust(99)
          assert.strictEqual(runs, 1)
          yield* TestClock.adjust(1 + 200 + 300)
          assert.strictEqual(runs, 4)
          yield* TestClock.adjust(1_000)
          assert.strictEqual(runs, 5)
          const { defects, failures, trouble } = yield* statusOf("planted")
          assert.deepStrictEqual([defects, failures], kind === "defect" ? [3, 0] : [0, 3])
          assert.isUndefined(trouble)
          assert.strictEqual(lines.length, 3)
          assert.isTrue(lines.every((line) => line.startsWith(`${level} planted `)))
        })
      ).pipe(Effect.scoped, ownRegistry)
    )
  }
  it.effect("that broke is trouble from the first defect to the next success, dated by the first", () =>
    Effect.gen(function* () {
      const gate = { broken: true }
      const step = Effect.sync(() => {
        if (gate.broken) throw new Error("planted")
        return 1_000
      })
      yield* superviseLoop({ name: "planted", retryMillis: 50_000, maxRetryMillis: 50_000 }, step)
      yield* TestClock.adjust(0)
      const since = yield* Clock.currentTimeMillis
      assert.strictEqual((yield* statusOf("planted")).trouble?.kind, "defect")
      yield* TestClock.adjust(50_000)
      const { defects, trouble } = yield* statusOf("planted")
      assert.deepStrictEqual([defects, trouble?.since], [2, since])
      gate.broken = false
      yield* TestClock.adjust(50_000)
      assert.isUndefined((yield* statusOf("planted")).trouble)
    }).pipe(Effect.scoped, ownRegistry)
  )
  it.effect("that fails is trouble once that has gone on for its time", () =>
    Effect.gen(function* () {
      yield* superviseLoop({ name: "planted", failingAfterMillis: 30_000, maxRetryMillis: 100 }, Effect.fail("away"))
      yield* TestClock.adjust(29_000)
      assert.isUndefined((yield* statusOf("planted")).trouble)
      yield* TestClock.adjust(2_000)
      assert.strictEqual((yield* statusOf("planted")).trouble?.kind, "failing")
    }).pipe(Effect.scoped, ownRegistry)
  )
  it.effect("that waits for work is no trouble however long; one that works too long is", () =>
    Effect.gen(function* () {
      const work = yield* Queue.unbounded<void>()
      const step = Effect.andThen(waitForWork(Queue.take(work)), Effect.never)
      yield* superviseLoop({ name: "planted", hungAfterMillis: 60_000 }, step)
      yield* TestClock.adjust("10 days")
      assert.isUndefined((yield* statusOf("planted")).trouble)
      yield* Queue.offer(work, undefined)
      yield* TestClock.adjust(59_000)
      assert.isUndefined((yield* statusOf("planted")).trouble)
      yield* TestClock.adjust(1_000)
      assert.strictEqual((yield* statusOf("planted")).trouble?.kind, "hung")
    }).pipe(Effect.scoped, ownRegistry)
  )
  it.effect("whose bad work went elsewhere is in no trouble any more once it has waited for its time", () =>
    Effect.gen(function* () {
      let runs = 0
      const step = Effect.suspend(() => (++runs === 1 ? Effect.die("planted") : waitForWork(Effect.never)))
      yield* superviseLoop({ name: "planted", failingAfterMillis: 30_000 }, step)
      yield* TestClock.adjust(10_000)
      assert.strictEqual((yield* statusOf("planted")).trouble?.kind, "defect")
      yield* TestClock.adjust(30_000)
      assert.isUndefined((yield* statusOf("planted")).trouble)
    }).pipe(Effect.scoped, ownRegistry)
  )
  it.effect("ends with its scope without a word, and what it counted stays", () =>
    withLines((lines) =>
      Effect.gen(function* () {
        let runs = 0
        const step = Effect.suspend(() => (++runs === 1 ? Effect.die("planted") : Effect.succeed(10)))
        yield* Effect.scoped(Effect.andThen(superviseLoop({ name: "planted" }, step), TestClock.adjust(1_000)))
        const before = runs
        yield* TestClock.adjust(1_000)
        assert.strictEqual(runs, before)
        assert.strictEqual((yield* statusOf("planted")).defects, 1)
        assert.strictEqual(lines.length, 1)
      })
    ).pipe(ownRegistry)
  )
  it.effect("goes on when not even its log line can be written", () =>
    Effect.gen(function* () {
      let runs = 0
      const step = Effect.suspend(() => (++runs === 1 ? Effect.die("planted") : Effect.succeed(10)))
      const mute = Logger.layer([Logger.make(() => assert.fail("no disk for logs"))])
      yield* Effect.provide(superviseLoop({ name: "planted", maxRetryMillis: 100 }, step), mute)
      yield* TestClock.adjust(1_000)
      assert.isAbove(runs, 1)
    }).pipe(Effect.scoped, ownRegistry)
  )
  it.effect("of one name with others tells the trouble of any of them", () =>
    Effect.gen(function* () {
      yield* superviseLoop({ name: "planted" }, Effect.succeed(10))
      yield* superviseLoop({ name: "planted" }, Effect.die("planted"))
      yield* TestClock.adjust(1_000)
      const { lastSuccess, trouble } = yield* statusOf("planted")
      assert.strictEqual(trouble?.kind, "defect")
      assert.isDefined(lastSuccess)
    }).pipe(Effect.scoped, ownRegistry)
  )
  it.effect("work that is done once is counted and said when it breaks", () =>
    withLines((lines) =>
      Effect.gen(function* () {
        yield* superviseOnce("once", Effect.die("planted"))
        yield* countFailure("once", Effect.fail("planted"))
        yield* TestClock.adjust(1)
        const { defects, failures, trouble } = yield* statusOf("once")
        assert.deepStrictEqual([defects, failures, trouble], [1, 1, undefined])
        assert.deepStrictEqual(
          lines.toSorted(),
          ["Error once broke", "Warn once failed"].map((line) => lines.find((found) => found.startsWith(line))!)
        )
      })
    ).pipe(Effect.scoped, ownRegistry)
  )
})

/** Breaks while `state.broken`, by a throw that no type tells of. */
const breaking = (loop: PipelineLoop, state: { broken: boolean }) => {
  const check = () => {
    if (state.broken) throw new TypeError("planted")
  }
  const store = Layer.effect(
    EventStore,
    Effect.map(EventStore, (real) =>
      EventStore.of({
        ...real,
        append: (batches) => {
          if (loop === "drain" && batches.length > 0) check()
          return real.append(batches)
        }
      })
    )
  ).pipe(Layer.provideMerge(layerMemoryStore))
  const warehouse = Layer.effect(
    Warehouse,
    Effect.map(Warehouse, (real) =>
      Warehouse.of({
        ...real,
        load: (page, as_of) => {
          if (loop === "load") check()
          return real.load(page, as_of)
        }
      })
    )
  ).pipe(Layer.provideMerge(layerMemoryWarehouse))
  return Layer.mergeAll(layerMemoryQueue({ backoffMillis: 1 }), store, warehouse)
}

describe("the pipeline", () => {
  for (const loop of ["drain", "load"] as const) {
    it.effect(`a defect in ${loop} is trouble while it lasts; then everything accepted is counted`, () => {
      const state = { broken: true }
      return Effect.gen(function* () {
        yield* (yield* EventQueue).publish(batchOf(1, 5))
        yield* TestClock.adjust(1_000)
        const { essential, trouble } = yield* statusOf(loop)
        assert.deepStrictEqual([essential, trouble?.kind], [true, "defect"])
        state.broken = false
        yield* TestClock.adjust(60_000)
        assert.deepStrictEqual((yield* (yield* WarehouseLedger).counts).stored, { default: 5 })
        assert.isUndefined((yield* statusOf(loop)).trouble)
      }).pipe(
        Effect.provide(Layer.provideMerge(Pipeline.layer({ retryMillis: 10 }), breaking(loop, state))),
        ownRegistry
      )
    })
  }
})

describe("a commit group", () => {
  for (const at of ["together", "isPermanent"] as const) {
    it.live(`a throw in ${at} is answered to those who wait, and the next are committed`, () =>
      Effect.gen(function* () {
        const state = { broken: true }
        const committed: Array<number> = []
        const check = (place: typeof at) => {
          if (state.broken && place === at) throw new TypeError("planted")
        }
        const add = yield* makeCommitGroup<string>(
          {
            together: (batches) => {
              check("together")
              if (state.broken) return Effect.fail("down")
              committed.push(batches.length)
              return Effect.void
            },
            alone: () => Effect.void,
            isPermanent: () => {
              check("isPermanent")
              return false
            },
            full: () => "full",
            closed: () => "closed"
          },
          { maxEvents: 10, maxWaitingBytes: 1 << 20, concurrency: 1 }
        )
        const exit = yield* Effect.exit(add(batchOf(1, 1)))
        assert.strictEqual(exit._tag, "Failure")
        state.broken = false
        yield* add(batchOf(2, 1))
        assert.deepStrictEqual(committed, [1])
        assert.strictEqual((yield* statusOf("commit")).defects, 1)
      }).pipe(Effect.scoped, ownRegistry)
    )
  }
  it.live("a batch that waits behind one that breaks is committed all the same", () =>
    Effect.gen(function* () {
      const first = yield* Deferred.make<void>()
      let commits = 0
      const add = yield* makeCommitGroup<string>(
        {
          together: () =>
            ++commits === 1 ? Effect.andThen(Deferred.await(first), Effect.die("planted")) : Effect.void,
          alone: () => Effect.void,
          isPermanent: () => false,
          full: () => "full",
          closed: () => "closed"
        },
        { maxEvents: 1, maxWaitingBytes: 1 << 20, concurrency: 1 }
      )
      const broken = yield* Effect.forkChild(Effect.exit(add(batchOf(1, 1))), { startImmediately: true })
      yield* Effect.yieldNow
      const behind = yield* Effect.forkChild(add(batchOf(2, 1)), { startImmediately: true })
      yield* Deferred.succeed(first, undefined)
      assert.strictEqual((yield* Fiber.join(broken))._tag, "Failure")
      yield* Fiber.join(behind)
    }).pipe(Effect.scoped, ownRegistry)
  )
})
