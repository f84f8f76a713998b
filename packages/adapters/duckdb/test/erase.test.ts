import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import {
  type WarehouseServices,
  WarehouseErasure,
  WarehouseLedger,
  type ByProject,
  EventBatch,
  query,
  Warehouse
} from "@millrace/core"
import { batchOf, erasureOf, eventOf, filesHolding } from "@millrace/testing"
import { Effect } from "effect"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { DuckDb } from "../src/index.ts"
import { onFile } from "./support/onFile.ts"

let directory = ""
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "millrace-duckdb-erase-"))))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const path = () => join(directory, "events.db")
const run = <A, E>(body: Effect.Effect<A, E, WarehouseServices>) =>
  Effect.runPromise(Effect.provide(body, DuckDb.layer({ path: path(), threads: 1 })))

const SECRETS = ["gone-4711", "anonymous-4712", "secret-0815"]
const erasure = erasureOf("gone-4711", "anonymous-4712")
const PROPERTIES = '{"note":"secret-0815"}'

const page = (cursor: string, ...batches: ReadonlyArray<EventBatch>) => ({ batches, cursor, duplicates: {} })
const theirs = () => [
  batchOf(1, 5, { user_id: "gone-4711", properties: PROPERTIES }),
  batchOf(6, 5, { user_id: "anonymous-4712", properties: PROPERTIES }),
  EventBatch.fromEvents([
    eventOf(11, { user_id: "gone-4711", event_type: "$identify", properties: '{"anonymous_id":"anonymous-4712"}' }),
    // Refused, and a copy of the id all the same.
    eventOf(12, { user_id: "other", event_type: "$identify", properties: '{"anonymous_id":"anonymous-4712"}' })
  ])
]
const fill = Warehouse.use((warehouse) =>
  Effect.andThen(
    warehouse.load(page("1", ...theirs(), batchOf(100, 500)), 5),
    warehouse.load(page("2", batchOf(1_000, 500)), 6)
  )
)

const stateOf = Effect.gen(function* () {
  const warehouse = yield* Warehouse
  const day = { from: "2026-01-01", to: "2026-01-01" }
  const { rows } = yield* query({ metric: "top-events", project_id: "default", params: { ...day, limit: 10 } })
  return {
    events: rows.reduce((sum, row) => sum + row.events, 0),
    counts: yield* (yield* WarehouseLedger).counts,
    cursor: (yield* warehouse.watermark).cursor
  }
})

const ERASED = {
  events: 1_000,
  counts: { cursor: "2", stored: { default: 1_012 }, duplicates: {}, lost: {} },
  cursor: "2"
}

const some = (by: ByProject): ByProject => Object.fromEntries(Object.entries(by).filter(([, count]) => count > 0))

const normal = ({ counts, ...state }: Effect.Success<typeof stateOf>) => ({
  ...state,
  counts: {
    ...counts,
    duplicates: some(counts.duplicates),
    lost: some(counts.lost)
  }
})

describe("DuckDb: erase", () => {
  it("no file holds a byte of the user while it is open, and none afterwards; all else is there", async () => {
    await run(
      Effect.gen(function* () {
        yield* fill
        assert.isAtLeast(filesHolding(directory, SECRETS).length, 3)
        assert.strictEqual(yield* (yield* WarehouseErasure).erase(erasure), 12)
        assert.deepStrictEqual(filesHolding(directory, SECRETS), [])
        assert.deepStrictEqual(normal(yield* stateOf), ERASED)
        yield* (yield* Warehouse).load(page("3", ...theirs(), batchOf(2_000, 5)))
        assert.deepStrictEqual(filesHolding(directory, SECRETS), [])
      })
    )
    assert.deepStrictEqual(filesHolding(directory, SECRETS), [])
    const { counts, events } = await run(stateOf)
    assert.deepStrictEqual([events, counts.stored], [1_005, { default: 1_029 }])
  })

  it("questions asked meanwhile are answered, from before or from after", () =>
    run(
      Effect.gen(function* () {
        yield* fill
        const asked = Effect.map(stateOf, ({ events }) => events)
        const [seen] = yield* Effect.all(
          [
            Effect.forEach(Array.from({ length: 40 }), () => asked, { concurrency: 4 }),
            (yield* WarehouseErasure).erase(erasure)
          ],
          { concurrency: 2 }
        )
        assert.isTrue(seen.every((events) => events === 1_000 || events === 1_010))
        assert.strictEqual(yield* asked, 1_000)
      })
    ))

  it("what a killed process has left beside the file is gone once another has opened it, and nothing else is", async () => {
    await run(fill)
    const beside = (...names: ReadonlyArray<string>) => join(`${path()}.tmp`, ...names)
    const leftovers = [
      beside("spill", "duckdb_temp_storage_DEFAULT-0.tmp"),
      beside("spill", "another-process", "duckdb_temp_storage_DEFAULT-0.tmp"),
      beside("pages", "another-process-1.page.ndjson"),
      beside("pages", "rewritten.duckdb"),
      beside("pages", "rewritten.duckdb.wal"),
      beside("pages", "copied.duckdb"),
      `${path()}.rewritten`
    ]
    for (const file of leftovers) {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, "left-behind-0815")
    }
    writeFileSync(join(directory, "of-somebody-else"), "left-behind-0815")
    await run(
      Effect.gen(function* () {
        assert.deepStrictEqual(filesHolding(directory, ["left-behind-0815"]), ["of-somebody-else: left-behind-0815"])
        assert.strictEqual((yield* stateOf).events, 1_010)
      })
    )
  })

  it("a process that ended between the deletion and the fresh file ends what was begun when it starts again", async () => {
    await run(fill)
    const emptied = ["identities", "known_users", "activity", "activity_users"].map((table) => `DELETE FROM ${table}`)
    await onFile(
      path(),
      "DELETE FROM events WHERE rowid < 12",
      ...emptied,
      "UPDATE erasure_state SET rewrite_due = true"
    )
    assert.isAtLeast(filesHolding(directory, SECRETS).length, 3)
    const state = await run(stateOf)
    assert.strictEqual(state.events, 1_000)
    assert.deepStrictEqual(filesHolding(directory, SECRETS), [])
  })
})
