import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  type WarehouseServices,
  WarehouseErasure,
  Aggregates,
  type Event,
  EventBatch,
  query,
  Warehouse
} from "@millrace/core"
import { erasureOf, eventOf } from "@millrace/testing"
import { Effect, Fiber } from "effect"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { DuckDb, type DuckDbOptions } from "../src/index.ts"
import { onFile } from "./support/onFile.ts"

let directory = ""
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "millrace-aggregates-"))))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const path = () => join(directory, "events.db")
const run = <A, E>(body: Effect.Effect<A, E, Aggregates | WarehouseServices>, options: Partial<DuckDbOptions> = {}) =>
  Effect.runPromise(
    Effect.provide(body, DuckDb.layer({ path: path(), threads: 1, selfCheckIntervalMillis: 0, ...options }))
  )

const load = (cursor: string, events: ReadonlyArray<Event>) =>
  Warehouse.use((warehouse) => warehouse.load({ batches: EventBatch.group(events), cursor, duplicates: {} }))

const HOUR = 3_600_000_000
/** One user an hour. */
const visits = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) =>
    eventOf(from + index, {
      user_id: `u${from + index}`,
      occurred_at: Date.UTC(2026, 0, 1) * 1000 + (index % 24) * HOUR
    })
  )

const users = Effect.map(
  query({ metric: "dau", project_id: "default", params: { from: "2026-01-01", to: "2026-01-01" } }),
  ({ rows }) => rows[0]?.users
)

const status = Aggregates.use((aggregates) => aggregates.status)
const check = Aggregates.use((aggregates) => aggregates.check)
const rebuild = Aggregates.use((aggregates) => aggregates.rebuild)

const untilReady = Effect.gen(function* () {
  while ((yield* status).state !== "ready") yield* Effect.sleep(5)
})

/** Random questions until one tells. */
const checkUntil = (agreed: boolean) =>
  Effect.gen(function* () {
    while ((yield* check) !== agreed);
  })

const TABLES = ["activity", "activity_series", "activity_users"]

describe("DuckDB aggregates", () => {
  it("a file that was filled before they were there answers at once, and from them once they are built", async () => {
    await run(load("1", visits(1, 50)))
    await onFile(
      path(),
      ...[...TABLES, "activity_state"].map((table) => `DROP TABLE ${table}`),
      "DELETE FROM migrations WHERE version = 4"
    )
    await run(
      Effect.gen(function* () {
        assert.strictEqual(yield* users, 50)
        yield* load("2", visits(51, 10))
        assert.strictEqual(yield* users, 60)
        yield* untilReady
        const { answered } = yield* status
        assert.strictEqual(yield* users, 60)
        assert.strictEqual((yield* status).answered, answered + 1)
        yield* checkUntil(true)
      }),
      { keptAnswers: 0 }
    )
  })

  it("a build that was cut short goes on when the file is opened again", async () => {
    await run(load("1", visits(1, 48)))
    const noon = Date.UTC(2026, 0, 1, 12) * 1000
    await onFile(
      path(),
      `DELETE FROM activity WHERE quarter >= ${noon / 900_000_000}`,
      `UPDATE activity_state SET pending_from = ${noon}`
    )
    await run(
      Effect.gen(function* () {
        yield* untilReady
        assert.strictEqual(yield* users, 48)
        assert.strictEqual((yield* status).answered, 1)
      })
    )
  })

  it("found wrong, they are not used until they are rebuilt, restarts included", async () => {
    await run(load("1", visits(1, 40)))
    await onFile(path(), "DELETE FROM activity WHERE user_number % 2 = 0")
    const wrong = { state: "mismatched", mismatches: 1 } as const
    await run(
      Effect.gen(function* () {
        assert.strictEqual(yield* users, 20)
        yield* checkUntil(false)
        assert.deepInclude(yield* status, wrong)
        assert.strictEqual(yield* users, 40)
      })
    )
    await run(
      Effect.gen(function* () {
        assert.deepInclude(yield* status, wrong)
        assert.strictEqual(yield* users, 40)
        yield* load("2", visits(41, 2))
        yield* rebuild
        assert.strictEqual((yield* status).state, "ready")
        assert.strictEqual(yield* users, 42)
        yield* checkUntil(true)
      })
    )
    assert.deepInclude(await run(status), { state: "ready", mismatches: 0 })
  })

  it("the self-check goes on by itself, and finds what is wrong", async () => {
    await run(load("1", visits(1, 40)))
    await onFile(path(), "DELETE FROM activity WHERE user_number % 2 = 0")
    await run(
      Effect.gen(function* () {
        while ((yield* status).mismatches === 0) yield* Effect.sleep(5)
        assert.strictEqual(yield* users, 40)
      }),
      { selfCheckIntervalMillis: 1 }
    )
  })

  it("a merge moves what sets in memory hold, of events before, between and after it", () =>
    run(
      Effect.gen(function* () {
        const identify = eventOf(900, { user_id: "u1", event_type: "$identify", properties: '{"anonymous_id":"u2"}' })
        yield* load("1", visits(1, 3))
        assert.strictEqual(yield* users, 3)
        yield* load("2", [identify])
        assert.strictEqual(yield* users, 2)
        yield* load("3", [eventOf(901, { user_id: "u2" })])
        assert.strictEqual(yield* users, 2)
        assert.strictEqual((yield* status).answered, 3)
      })
    ))

  it("erase leaves neither the user nor who was merged into the user in any table", async () => {
    const merge = eventOf(900, { user_id: "u3", event_type: "$identify", properties: '{"anonymous_id":"u4"}' })
    await run(
      Effect.gen(function* () {
        yield* load("1", [...visits(1, 10), merge])
        assert.strictEqual(yield* users, 9)
        yield* WarehouseErasure.use(({ erase }) => erase(erasureOf("u3", "u4")))
        assert.strictEqual(yield* users, 8)
        yield* load("2", visits(20, 1))
        assert.strictEqual(yield* users, 9)
      })
    )
    const [left] = await onFile(
      path(),
      "SELECT COUNT(*)::INTEGER AS users, COUNT(*) FILTER (user_id IN ('u3', 'u4'))::INTEGER AS erased FROM activity_users"
    )
    assert.deepStrictEqual(left, { users: 9, erased: 0 })
    const orphans = await onFile(path(), "FROM activity WHERE user_number NOT IN (SELECT number FROM activity_users)")
    assert.deepStrictEqual(orphans, [])
  })

  it("turned off, nothing is recorded, and turned on again they are built", async () => {
    await run(
      Effect.gen(function* () {
        yield* load("1", visits(1, 5))
        assert.deepStrictEqual([yield* users, (yield* status).state], [5, "off"])
      }),
      { activityMegabytes: 0 }
    )
    assert.deepStrictEqual(await onFile(path(), "FROM activity"), [])
    await run(
      Effect.gen(function* () {
        yield* untilReady
        assert.strictEqual(yield* users, 5)
      })
    )
  })

  it("two layers of one process on one file: each answers what both have loaded", async () => {
    const other = run(
      Effect.gen(function* () {
        yield* load("1", visits(1, 5))
        assert.strictEqual(yield* users, 5)
        yield* Effect.promise(() => run(load("2", visits(10, 5))))
        assert.strictEqual(yield* users, 10)
      })
    )
    await other
    assert.strictEqual(await run(users), 10)
  })

  it("an answer never holds less than the cursor read before it, while pages come in and sets are read anew", async () => {
    const PAGES = 30
    const PER_PAGE = 20
    await run(
      Effect.gen(function* () {
        const warehouse = yield* Warehouse
        const loading = yield* Effect.forkChild(
          Effect.forEach(
            Array.from({ length: PAGES }, (_, page) => page),
            (page) => load(String(page + 1), visits(1 + page * PER_PAGE, PER_PAGE))
          )
        )
        for (let cursor = ""; cursor !== String(PAGES);) {
          cursor = (yield* warehouse.watermark).cursor
          const found = yield* users
          assert.isAtLeast(found ?? 0, Number(cursor) * PER_PAGE)
          assert.isAtMost(found ?? 0, PAGES * PER_PAGE)
          // So that the next question reads its sets beside a page under way.
          if (Number(cursor) % 3 === 0) yield* (yield* WarehouseErasure).erase(erasureOf("nobody"))
        }
        yield* Fiber.join(loading)
        assert.isAbove((yield* status).answered, 5)
      }),
      { keptAnswers: 0 }
    )
  })
})
