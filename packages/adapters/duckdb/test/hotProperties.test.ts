import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { EventBatch, query, Warehouse } from "@millrace/core"
import { eventOf } from "@millrace/testing"
import { Effect } from "effect"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { DuckDb } from "../src/index.ts"
import { onFile } from "./support/onFile.ts"

let directory = ""
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "millrace-hot-"))))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const path = () => join(directory, "events.db")
const run = <A, E>(body: Effect.Effect<A, E, Warehouse>, hotProperties = 2) =>
  Effect.runPromise(
    Effect.provide(
      body,
      DuckDb.layer({ path: path(), threads: 1, hotProperties, hotAfterQuestions: 2, keptAnswers: 0 })
    )
  )

const VALUES = ["a", 'say "a"', "\uFEFFa", "", "n1", "{", 1, -1.5, 1e300, true, false, null, [1], { a: 1 }, undefined]
const events = (first: number) =>
  VALUES.map((value, index) =>
    eventOf(first + index, { user_id: `u${index % 4}`, properties: JSON.stringify({ "a/~b": value, other: "x" }) })
  )

const load = (cursor: string, first: number) =>
  Warehouse.use((warehouse) => warehouse.load({ batches: EventBatch.group(events(first)), cursor, duplicates: {} }))

const DAY = { from: "2026-01-01", to: "2026-01-01" }
const ask = (params: Readonly<Record<string, string>>) =>
  Effect.map(query({ metric: "trend", project_id: "default", params: { ...DAY, ...params } }), ({ rows }) => rows)
const where = (field: string, op: string, value: unknown) => JSON.stringify({ field: `properties.${field}`, op, value })

const QUESTIONS = [
  { breakdown: "properties.a/~b" },
  { measure: "sum", property: "a/~b" },
  { where: where("a/~b", "=", "a") },
  { where: where("a/~b", "=", true) },
  { where: where("a/~b", "exists", true) },
  { where: where("a/~b", "exists", false) },
  { where: where("a/~b", "contains", "a") },
  { where: where("a/~b", ">", 0) }
]
const askAll = Effect.forEach(QUESTIONS, ask)

const HOT = "SELECT position, name, filled, dropped FROM hot_properties ORDER BY position"

/** Asks, in new processes of the warehouse, until the file says so: the columns are made in the background. */
const askUntil = async (field: string, isDone: (rows: ReadonlyArray<Record<string, unknown>>) => boolean) => {
  for (;;) {
    await run(
      Effect.forEach([1, 2, 3], () => ask({ breakdown: `properties.${field}` }).pipe(Effect.andThen(Effect.sleep(20))))
    )
    const rows = await onFile(path(), HOT)
    if (isDone(rows)) return rows
  }
}

const isFilled = (name: string) => (rows: ReadonlyArray<Record<string, unknown>>) =>
  rows.some((row) => row["name"] === name && row["filled"] === true)

describe("DuckDb hot properties", { timeout: 60_000 }, () => {
  it("a property that is asked for gets a column, and every answer stays as it was, before and after loads", async () => {
    await run(load("1", 1))
    const cold = await run(askAll, 0)
    await askUntil("a/~b", isFilled("a/~b"))
    assert.deepStrictEqual(await run(askAll), cold)
    await run(Effect.andThen(load("2", 101), load("2", 101)))
    const columns = await onFile(path(), "SELECT hot_1, COUNT(*) AS rows FROM events GROUP BY 1 ORDER BY 1")
    assert.isFalse(columns.some((row) => row["hot_1"] === null))
    const hot = await run(askAll)
    await onFile(path(), "DELETE FROM hot_properties")
    assert.deepStrictEqual(hot, await run(askAll, 0))
  })

  it("questions do read the column", async () => {
    await run(load("1", 1))
    await askUntil("other", isFilled("other"))
    await onFile(path(), "UPDATE events SET hot_1 = 'splanted'")
    assert.deepStrictEqual(
      (await run(ask({ breakdown: "properties.other" }))).map((row) => row.breakdown),
      ["planted"]
    )
  })

  it("a column whose filling was cut short is filled after the restart, and not read before", async () => {
    await run(load("1", 1))
    const [before] = [await run(askAll, 0)]
    await askUntil("a/~b", isFilled("a/~b"))
    await onFile(path(), "UPDATE events SET hot_1 = NULL WHERE event_id IN (SELECT event_id FROM events LIMIT 7)")
    await onFile(path(), "UPDATE hot_properties SET filled = false")
    assert.deepStrictEqual(await run(askAll), before)
    await askUntil("a/~b", isFilled("a/~b"))
    assert.deepStrictEqual(await onFile(path(), "SELECT COUNT(*)::INT AS rows FROM events WHERE hot_1 IS NULL"), [
      { rows: 0 }
    ])
  })

  it("when all places are taken, what is asked for more takes the least asked one's; its column goes with the restart", async () => {
    await run(load("1", 1))
    await askUntil("a", isFilled("a"))
    await askUntil("b", isFilled("b"))
    const rows = await askUntil("c", isFilled("c"))
    assert.lengthOf(
      rows.filter((row) => row["dropped"] === false),
      2
    )
    await run(load("2", 101))
    const names = (await onFile(path(), HOT)).map((row) => row["name"])
    assert.lengthOf(names, 2)
    assert.include(names, "c")
    const columns = await onFile(
      path(),
      "SELECT column_name FROM duckdb_columns() WHERE column_name LIKE 'hot\\_%' ESCAPE '\\'"
    )
    assert.lengthOf(columns, 2)
  })
})
