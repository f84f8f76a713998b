import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { WarehouseErasure, WarehouseLedger, type WarehouseServices, Warehouse, WarehouseSnapshot } from "@millrace/core"
import { batchOf, erasureOf, filesHolding } from "@millrace/testing"
import { Effect } from "effect"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { DuckDb } from "../src/index.ts"

let directory = ""
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "millrace-duckdb-copy-"))))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const run = <A, E>(name: string, body: Effect.Effect<A, E, WarehouseServices | WarehouseSnapshot>) =>
  Effect.runPromise(Effect.provide(body, DuckDb.layer({ path: join(directory, name), threads: 1 })))

const EVENTS = 10
const load = (cursor: number) =>
  Warehouse.use((warehouse) =>
    warehouse.load({ batches: [batchOf(cursor * EVENTS, EVENTS)], cursor: String(cursor), duplicates: {} }, cursor)
  )
const loadAll = (from: number, to: number) =>
  Effect.forEach(
    Array.from({ length: to - from + 1 }, (_, index) => from + index),
    load
  )

const copyTo = (name: string) => Effect.flatMap(WarehouseSnapshot, (copier) => copier.copyTo(join(directory, name)))

describe("DuckDb: copy", () => {
  it("is the warehouse as of one cursor, whatever is loaded meanwhile, and goes on from there", async () => {
    const copying = Effect.all([copyTo("copy.db"), loadAll(21, 60)], { concurrency: "unbounded" })
    await run("own.db", Effect.andThen(loadAll(1, 20), copying))
    await run(
      "copy.db",
      Effect.gen(function* () {
        const { counts } = yield* WarehouseLedger
        const { watermark } = yield* Warehouse
        const cursor = Number((yield* watermark).cursor)
        assert.isAtLeast(cursor, 20)
        assert.deepStrictEqual((yield* counts).stored, { default: cursor * EVENTS })
        yield* loadAll(cursor + 1, 61)
        assert.deepStrictEqual((yield* counts).stored, { default: 61 * EVENTS })
      })
    )
  })

  it("knows who was erased", async () => {
    const gone = Effect.flatMap(Warehouse, (warehouse) =>
      warehouse.load({ batches: [batchOf(5_000, 5, { user_id: "gone-4711" })], cursor: "9", duplicates: {} })
    )
    const erasing = WarehouseErasure.use(({ erase }) => erase(erasureOf("gone-4711")))
    await run("own.db", Effect.andThen(Effect.andThen(loadAll(1, 2), erasing), copyTo("copy.db")))
    await run("copy.db", gone)
    assert.deepStrictEqual(filesHolding(directory, ["gone-4711"]), [])
  })

  it("leaves nothing beside the warehouse, also when a crash cut it short; a file in the way stays, and the warehouse works on", async () => {
    const pages = join(directory, "own.db.tmp", "pages")
    mkdirSync(pages, { recursive: true })
    writeFileSync(join(pages, "copied.duckdb"), "secret-0815")
    mkdirSync(join(directory, "taken.db", "inner"), { recursive: true })
    await run(
      "own.db",
      Effect.gen(function* () {
        assert.deepStrictEqual(filesHolding(directory, ["secret-0815"]), [])
        const failure = yield* Effect.flip(copyTo("taken.db"))
        assert.deepStrictEqual([failure._tag, failure.of], ["SnapshotError", "warehouse"])
        yield* load(1)
        yield* copyTo("copy.db")
        assert.deepStrictEqual(
          filesHolding(pages, [""]).filter((file) => file.includes("copied")),
          []
        )
      })
    )
  })
})
