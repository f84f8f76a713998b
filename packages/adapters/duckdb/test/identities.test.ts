import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type WarehouseServices, WarehouseErasure, EventBatch, query, Warehouse } from "@millrace/core"
import { erasureOf, eventOf } from "@millrace/testing"
import { Effect } from "effect"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { DuckDb } from "../src/index.ts"
import { onFile } from "./support/onFile.ts"

let directory = ""
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "millrace-identities-"))))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const path = () => join(directory, "events.db")
const run = <A, E>(body: Effect.Effect<A, E, WarehouseServices>) =>
  Effect.runPromise(Effect.provide(body, DuckDb.layer({ path: path(), threads: 1 })))

const identify = (id: number, user_id: string, anonymous_id: string, project_id = "default") =>
  eventOf(id, { user_id, project_id, event_type: "$identify", properties: JSON.stringify({ anonymous_id }) })

const load = (cursor: string, ...events: ReadonlyArray<ReturnType<typeof eventOf>>) =>
  Warehouse.use((warehouse) => warehouse.load({ batches: EventBatch.group(events), cursor, duplicates: {} }))

const DAY = { from: "2026-01-01", to: "2026-01-01" }
const users = (project_id = "default") =>
  Effect.map(query({ metric: "dau", project_id, params: DAY }), ({ rows }) => rows[0]?.users)

const visits = ["a", "k", "m"].map((user_id, index) => eventOf(index + 1, { user_id }))

describe("DuckDb identities", () => {
  it("a merge holds in its project alone, also for ids that begin with a byte order mark", () =>
    run(
      Effect.gen(function* () {
        const marked = ["\uFEFFa", "\uFEFFk"].map((user_id, index) =>
          eventOf(index + 10, { user_id, project_id: "other" })
        )
        yield* load("1", ...visits, ...marked, identify(20, "k", "a"))
        assert.deepStrictEqual([yield* users(), yield* users("other")], [2, 2])
        yield* load("2", identify(21, "\uFEFFk", "\uFEFFa", "other"))
        assert.deepStrictEqual([yield* users(), yield* users("other")], [2, 1])
      })
    ))

  it("a page that comes again merges nothing anew; a refused merge is counted", async () => {
    const merges = [identify(20, "k", "a"), identify(21, "m", "k")]
    await run(
      Effect.gen(function* () {
        yield* load("1", ...visits, ...merges)
        yield* load("1", ...visits, ...merges)
        assert.strictEqual(yield* users(), 2)
      })
    )
    assert.deepStrictEqual(await onFile(path(), "FROM refused_merges"), [{ project_id: "default", merges: 1n }])
    assert.deepStrictEqual(await onFile(path(), "SELECT anonymous_id, user_id FROM identities"), [
      { anonymous_id: "a", user_id: "k" }
    ])
  })

  it("a file that was written before merges were kept catches up when it is opened", async () => {
    await run(load("1", ...visits, identify(20, "k", "a"), identify(21, "m", "k")))
    for (const table of ["identities", "known_users", "refused_merges"]) await onFile(path(), `DELETE FROM ${table}`)
    assert.strictEqual(await run(users()), 2)
    assert.deepStrictEqual(await onFile(path(), "FROM refused_merges"), [{ project_id: "default", merges: 1n }])
  })

  it("merges of placeholders that an earlier version made are undone when the file is opened, all others stay", async () => {
    await run(load("1", ...visits, identify(20, "k", "a"), identify(21, "m", "undefined"), identify(22, "guest", "m")))
    const made = "('default', chr(160) || '(Undefined>''' || chr(8203), 'm'), ('default', 'm', 'guest')"
    await onFile(path(), `INSERT INTO identities (project_id, anonymous_id, user_id) VALUES ${made}`)
    assert.strictEqual(await run(users()), 2)
    assert.deepStrictEqual(await onFile(path(), "SELECT anonymous_id, user_id FROM identities"), [
      { anonymous_id: "a", user_id: "k" }
    ])
  })

  it("erase takes the events of every id that was merged into the user, and forgets the merge", () =>
    run(
      Effect.gen(function* () {
        yield* load("1", ...visits, identify(20, "k", "a"))
        assert.strictEqual(yield* (yield* WarehouseErasure).erase(erasureOf("k", "a")), 3)
        assert.strictEqual(yield* users(), 1)
        const later = { occurred_at: erasureOf().until + 1, received_at: erasureOf().until + 1 }
        yield* load("2", eventOf(30, { ...later, user_id: "a" }), eventOf(31, { ...later, user_id: "k" }))
        assert.strictEqual(yield* users(), 3)
      })
    ))
})
