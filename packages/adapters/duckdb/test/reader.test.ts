import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  type WarehouseServices,
  WarehouseErasure,
  WarehouseLedger,
  WarehouseOrigin,
  query,
  Warehouse
} from "@millrace/core"
import { batchOf, erasureOf } from "@millrace/testing"
import { DuckDBInstance } from "@duckdb/node-api"
import { Effect } from "effect"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { DuckDb } from "../src/index.ts"

let directory = ""
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "millrace-duckdb-"))))
afterEach(() => rmSync(directory, { recursive: true, force: true }))
const file = () => join(directory, "events.db")

const load = Warehouse.use((warehouse) => warehouse.load({ batches: [batchOf(1, 50)], cursor: "1", duplicates: {} }, 1))
const written = () => Effect.runPromise(Effect.provide(load, DuckDb.layer({ path: file(), threads: 1 })))
const read = <A, E>(body: Effect.Effect<A, E, WarehouseServices | WarehouseOrigin>) =>
  Effect.runPromise(Effect.provide(body, DuckDb.reader({ path: file(), threads: 1 })))

const asked = Effect.gen(function* () {
  const range = { from: "2026-01-01", to: "2026-01-31" }
  const of = (metric: "dau" | "top-events") => query({ metric, project_id: "default", params: range })
  return {
    dau: (yield* of("dau")).rows,
    top: (yield* of("top-events")).rows,
    counts: yield* (yield* WarehouseLedger).counts
  }
})

const contentOf = () =>
  readdirSync(directory).map((name) => [
    name,
    existsSync(file()) && name === "events.db" ? readFileSync(file(), "base64") : ""
  ])

describe("DuckDb.reader", () => {
  it("answers what the warehouse answers, and leaves file and folder as they are", async () => {
    await written()
    rmSync(`${file()}.tmp`, { recursive: true })
    const before = contentOf()
    const answers = await read(asked)
    assert.deepStrictEqual(contentOf(), before)
    assert.deepStrictEqual(
      await Effect.runPromise(Effect.provide(asked, DuckDb.layer({ path: file(), threads: 1 }))),
      answers
    )
    assert.deepStrictEqual(answers.counts.stored, { default: 50 })
  })

  it("what would change something fails, and nothing is changed", async () => {
    await written()
    const before = contentOf()
    const writes = Warehouse.use((warehouse) =>
      Effect.all([
        Effect.flip(warehouse.load({ batches: [batchOf(51, 1)], cursor: "2", duplicates: {} }, 2)),
        Effect.flip(WarehouseErasure.use(({ erase }) => erase(erasureOf("user-1")))),
        Effect.flip(WarehouseOrigin.use(({ restart }) => restart({ cursor: "" })))
      ])
    )
    for (const { _tag } of await read(writes)) assert.strictEqual(_tag, "WarehouseError")
    assert.deepStrictEqual(contentOf(), before)
  })

  it("of a file that is not there nothing is loaded, and it is not made", async () => {
    assert.deepStrictEqual((await read(asked)).counts, { cursor: "", stored: {}, duplicates: {}, lost: {} })
    assert.deepStrictEqual(readdirSync(directory), [])
  })

  it("a file of an earlier version is left to a start, by name", async () => {
    await written()
    const instance = await DuckDBInstance.create(file())
    const connection = await instance.connect()
    await connection.run("DELETE FROM migrations WHERE version = (SELECT max(version) FROM migrations)")
    connection.closeSync()
    instance.closeSync()
    const failure = await Effect.runPromise(Effect.flip(Effect.provide(asked, DuckDb.reader({ path: file() }))))
    assert.match(String(failure), /earlier version wrote it: start a server/u)
  })
})
