import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { query, sql, Warehouse, type Watermark } from "@millrace/core"
import { batchOf } from "@millrace/testing"
import { Deferred, Effect, Fiber } from "effect"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { DuckDb, type DuckDbOptions } from "../src/index.ts"
import { KnownWatermark } from "../src/KnownWatermark.ts"

let directory = ""
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "millrace-watermark-"))))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const run = <A, E>(body: Effect.Effect<A, E, Warehouse>, options: Partial<DuckDbOptions> = {}) => {
  const path = join(directory, "events.db")
  return Effect.runPromise(
    Effect.provide(body, DuckDb.layer({ path, threads: 1, selfCheckIntervalMillis: 0, ...options }))
  )
}

const load = (cursor: string, from: number, as_of?: number) =>
  Warehouse.use((warehouse) => warehouse.load({ batches: [batchOf(from, 5)], cursor, duplicates: {} }, as_of))
const watermark = Warehouse.use((warehouse) => warehouse.watermark)

const endless = Warehouse.use((warehouse) =>
  warehouse.answer<unknown>({
    project_id: "default",
    sql: () => sql`SELECT COUNT(*) FROM range(1000000000) AS a, range(1000000000) AS b WHERE a.range + b.range = 7`,
    shape: (rows) => rows,
    reference: () => []
  })
)

describe("DuckDb: watermark", () => {
  it("is told, and pages are loaded, while every connection is busy with heavy questions", () =>
    run(
      Effect.gen(function* () {
        yield* load("1", 1, 5)
        const busy = yield* Effect.forkChild(endless, { startImmediately: true })
        yield* load("2", 11)
        assert.deepStrictEqual(yield* watermark, { cursor: "2", as_of: 5 })
        yield* Fiber.interrupt(busy)
      }),
      { concurrentQueries: 1 }
    ))

  it("as_of moves without a write to disk, and with the next page to it", async () => {
    await run(
      Effect.gen(function* () {
        yield* load("1", 1, 5)
        yield* (yield* Warehouse).load({ batches: [], cursor: "1", duplicates: {} }, 6)
        assert.deepStrictEqual(yield* watermark, { cursor: "1", as_of: 6 })
        // Its first answer was lost, so it comes again.
        yield* load("1", 1, 7)
        assert.deepStrictEqual(yield* watermark, { cursor: "1", as_of: 7 })
        yield* (yield* Warehouse).load({ batches: [], cursor: "1", duplicates: {} }, 8)
        yield* load("2", 11)
        assert.deepStrictEqual(yield* watermark, { cursor: "2", as_of: 8 })
      })
    )
    assert.deepStrictEqual(await run(watermark), { cursor: "2", as_of: 8 })
  })

  it("two layers of one process on one file: each tells what either has loaded, also once the other has closed", () =>
    run(
      Effect.gen(function* () {
        yield* load("1", 1)
        assert.strictEqual((yield* watermark).cursor, "1")
        const [opened, close] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const other = Effect.gen(function* () {
          assert.strictEqual((yield* watermark).cursor, "1")
          yield* load("2", 11)
          yield* Deferred.succeed(opened, undefined)
          yield* Deferred.await(close)
          assert.strictEqual((yield* watermark).cursor, "3")
          yield* load("4", 31)
        })
        const running = yield* Effect.forkChild(Effect.promise(() => run(other)))
        yield* Deferred.await(opened)
        assert.strictEqual((yield* watermark).cursor, "2")
        yield* load("3", 21)
        yield* Deferred.succeed(close, undefined)
        yield* Fiber.join(running)
        assert.strictEqual((yield* watermark).cursor, "4")
      })
    ))
})

/** On a file of its own, written beside it. */
const known = () => {
  let onFile: Watermark = { cursor: "1", as_of: 1 }
  let reads = 0
  const read = Effect.sync(() => {
    reads++
    return onFile
  })
  return {
    watermark: new KnownWatermark(read, { isShared: () => false, onShared: () => undefined }),
    commit: (next: Watermark) => Effect.sync(() => void (onFile = next)),
    reads: () => reads
  }
}
const next: Watermark = { cursor: "2", as_of: 2 }

describe("KnownWatermark", () => {
  it("a write that failed, after its commit or before it: the file is read anew", () =>
    Effect.gen(function* () {
      const { commit, watermark: kept } = known()
      yield* kept.current
      yield* Effect.flip(kept.whileWriting(next, Effect.fail("before")))
      assert.strictEqual((yield* kept.current).cursor, "1")
      yield* Effect.flip(kept.whileWriting(next, Effect.andThen(commit(next), Effect.fail("after"))))
      assert.strictEqual((yield* kept.current).cursor, "2")
    }).pipe(Effect.runPromise))

  it("while it is written, the one before is told; it is read once", () =>
    Effect.gen(function* () {
      const { commit, reads, watermark: kept } = known()
      yield* kept.current
      const during = yield* kept.whileWriting(next, Effect.andThen(commit(next), kept.current))
      assert.deepStrictEqual([during.cursor, (yield* kept.current).cursor, reads()], ["1", "2", 1])
    }).pipe(Effect.runPromise))
})

describe("DuckDb: answers from sets", () => {
  it("each has a turn of the event loop: what else waits for it comes in between", () =>
    run(
      Effect.gen(function* () {
        const QUESTIONS = 50
        yield* load("1", 1)
        const params = { from: "2026-01-01", to: "2026-01-01" }
        const ask = query({ metric: "dau", project_id: "default", params })
        yield* ask
        let turns = 0
        let going = true
        const turn = () => {
          turns++
          if (going) setImmediate(turn)
        }
        setImmediate(turn)
        yield* Effect.all(
          Array.from({ length: QUESTIONS }, () => ask),
          { concurrency: "unbounded" }
        )
        going = false
        assert.isAtLeast(turns, QUESTIONS - 1)
      }),
      { keptAnswers: 0 }
    ))
})
