import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import {
  type WarehouseServices,
  WarehouseErasure,
  WarehouseLedger,
  type Ask,
  Asker,
  EventBatch,
  query,
  sql,
  UnsupportedFeature,
  Warehouse,
  type WarehouseError
} from "@millrace/core"
import { batchOf, erasureOf, eventOf } from "@millrace/testing"
import { Effect, Fiber, type Layer } from "effect"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { DuckDb } from "../src/index.ts"

const sleep = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

let directory = ""
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "millrace-duckdb-"))))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const file = () => DuckDb.layer({ path: join(directory, "events.db"), threads: 1 })
const memory = () => DuckDb.layer({ path: ":memory:", threads: 1 })

const run = <A, E>(
  body: Effect.Effect<A, E, WarehouseServices>,
  layer: Layer.Layer<WarehouseServices, WarehouseError> = memory()
) => Effect.runPromise(Effect.provide(body, layer))

const failureOf = <A>(body: Effect.Effect<A, WarehouseError, WarehouseServices>, layer = memory()) =>
  Effect.runPromise(Effect.flip(Effect.provide(body, layer)))

const page = (cursor: string, ...batches: ReadonlyArray<EventBatch>) => ({ batches, cursor, duplicates: {} })

/** Asks in SQL for rows as they are. */
const raw = (text: ReturnType<typeof sql>) =>
  Warehouse.use((warehouse) =>
    warehouse.answer<ReadonlyArray<unknown>>({
      project_id: "default",
      sql: () => text,
      shape: (rows) => rows,
      reference: () => []
    })
  )

const NASTY = {
  huge: 1e300,
  tenth: 0.1,
  wide: Number("12345678901234567890"),
  smallest: 5e-324,
  largest: Number.MAX_VALUE,
  safe: Number.MAX_SAFE_INTEGER,
  negative: -1.5e-7,
  "": { "": [null, true, false, [], {}] },
  text: 'line\nbreak, "quote", \\, \t, \u2028, \u0001, \uFEFF, é, e\u0301, 😀',
  "key \"with\" 'quotes'\n": 1,
  date: "2026-01-01",
  number: "1e5",
  nested: { a: { b: { c: { d: [1, [2, [3]]] } } } }
}

describe("DuckDb", () => {
  it("load: properties come back equal as JSON values", async () => {
    const event = eventOf(1, { properties: JSON.stringify(NASTY) })
    const rows = await run(
      Effect.gen(function* () {
        yield* (yield* Warehouse).load(page("1", EventBatch.fromEvents([event])))
        return yield* raw(sql`SELECT encode(properties::VARCHAR) AS properties FROM events`)
      })
    )
    assert.deepStrictEqual(
      rows.map((row) => JSON.parse((row as { properties: string }).properties)),
      [NASTY]
    )
  })

  it("load: a refused row rolls everything back and is not retryable", async () => {
    const [failure, after] = await run(
      Effect.gen(function* () {
        const warehouse = yield* Warehouse
        yield* warehouse.load(page("1", batchOf(1, 2)), 5)
        // A year that no TIMESTAMP holds: judged events never have it.
        const bad = batchOf(9, 1, { occurred_at: 9.3e18 })
        const failed = yield* Effect.flip(warehouse.load(page("2", batchOf(5, 3), bad), 6))
        return [failed, { ...(yield* warehouse.watermark), ...(yield* (yield* WarehouseLedger).counts) }] as const
      })
    )
    assert.strictEqual(failure.reason._tag, "RowsRejected")
    assert.isFalse(failure.retryable)
    assert.deepStrictEqual(after, {
      cursor: "1",
      as_of: 5,
      stored: { default: 2 },
      duplicates: { default: 0 },
      lost: { default: 0 }
    })
  })

  it("load: the same page again, its first answer lost, counts nothing twice", async () => {
    const counts = await run(
      Effect.gen(function* () {
        const warehouse = yield* Warehouse
        const again = { ...page("1", batchOf(1, 3), batchOf(1, 1)), duplicates: { default: 4 }, lost: { default: 2 } }
        yield* warehouse.load(again)
        yield* warehouse.load(again)
        return yield* (yield* WarehouseLedger).counts
      })
    )
    assert.deepStrictEqual(counts, {
      cursor: "1",
      stored: { default: 3 },
      duplicates: { default: 5 },
      lost: { default: 2 }
    })
  })

  it("erase: what was accepted stays counted, so that the ledger balances", async () => {
    const counts = await run(
      Effect.gen(function* () {
        const warehouse = yield* Warehouse
        yield* warehouse.load(page("1", batchOf(1, 3, { user_id: "gone" })))
        yield* (yield* WarehouseErasure).erase(erasureOf("gone"))
        return yield* (yield* WarehouseLedger).counts
      })
    )
    assert.deepStrictEqual(counts.stored, { default: 3 })
  })

  it("open: rows, counts and watermark survive a restart; leftovers of a killed load do not", async () => {
    await run(
      Warehouse.use((warehouse) => warehouse.load(page("7", batchOf(1, 4)), 70)),
      file()
    )
    const pages = join(directory, "events.db.tmp", "pages")
    writeFileSync(join(pages, "1-1.page.ndjson"), "left over")
    writeFileSync(
      join(pages, `${process.pid}-1.page.ndjson`),
      "left over by a container's first process, as this one is"
    )
    const [watermark, answer] = await run(
      Effect.all([
        Warehouse.use((warehouse) => warehouse.watermark),
        query({ metric: "dau", project_id: "default", params: { from: "2026-01-01", to: "2026-01-01" } })
      ]),
      file()
    )
    assert.deepStrictEqual(watermark, { cursor: "7", as_of: 70 })
    assert.strictEqual(answer.rows[0]?.users, 4)
    assert.deepStrictEqual(readdirSync(pages), [])
  })

  it("open: a file that another process owns is refused by name", async () => {
    const path = join(directory, "events.db")
    const script = fileURLToPath(new URL("fixtures/killedLoader.ts", import.meta.url))
    const journal = join(directory, "journal")
    const owner = spawn(process.execPath, ["--conditions=source", script, path, journal], {
      stdio: ["ignore", "ignore", "inherit"]
    })
    try {
      while (!existsSync(journal) && owner.exitCode === null) await sleep(10)
      const failure = await failureOf(
        Warehouse.use((warehouse) => warehouse.watermark),
        file()
      )
      assert.strictEqual(failure.reason._tag, "WarehouseOwned")
      assert.include(failure.message, `${path} is open in another process`)
      assert.isFalse(failure.retryable)
    } finally {
      owner.kill("SIGKILL")
      await once(owner, "exit")
    }
  })

  it("answer: SQL reaches no file, no setting and no extension", async () => {
    const secret = join(directory, "secret.csv")
    writeFileSync(secret, "a\n1\n")
    const attempts = [
      sql`SELECT * FROM read_csv(${secret})`,
      sql`SELECT * FROM read_text(${"/etc/hostname"})`,
      sql`SET memory_limit = '1GB'`,
      sql`INSTALL httpfs`,
      sql`LOAD httpfs`,
      sql`ATTACH '/tmp/other.db'`,
      sql`COPY events TO '/tmp/events.csv'`,
      sql`COPY events FROM '/etc/passwd'`,
      sql`EXPORT DATABASE '/tmp/everything'`,
      sql`SELECT * FROM '/etc/passwd.csv'`,
      sql`SET enable_external_access = true`,
      sql`SET lock_configuration = false`,
      sql`RESET memory_limit`
    ]
    for (const attempt of attempts) {
      const failure = await failureOf(raw(attempt), file())
      assert.match(failure.message, /Permission Error|configuration has been locked/u)
    }
  })

  it("answer: a query over its time is stopped, and the connection answers the next one", async () => {
    const layer = DuckDb.layer({ path: ":memory:", threads: 1, concurrentQueries: 1, queryTimeoutMillis: 1_000 })
    const [failure, next] = await run(
      Effect.all([Effect.flip(raw(endless)), raw(sql`SELECT 1::INTEGER AS one`)]),
      layer
    )
    assert.deepInclude(failure.reason, { _tag: "QuestionTooExpensive", limit: "time" })
    assert.include(failure.message, "longer than 1000 ms")
    assert.deepStrictEqual(next, [{ one: 1 }])
  })

  it("answer: a query over its memory fails by itself, and the database goes on", async () => {
    const layer = DuckDb.layer({ path: ":memory:", threads: 1, memoryLimitMegabytes: 64, spillLimitMegabytes: 1 })
    const [failure, next] = await run(Effect.all([Effect.flip(raw(hungry)), raw(sql`SELECT 1::INTEGER AS one`)]), layer)
    assert.deepInclude(failure.reason, { _tag: "QuestionTooExpensive", limit: "memory" })
    assert.include(failure.message, "Out of Memory")
    assert.deepStrictEqual(next, [{ one: 1 }])
  })

  it("answer: an interrupted caller frees the connection", async () => {
    const rows = await run(
      Effect.gen(function* () {
        const asking = yield* Effect.forkChild(raw(endless))
        yield* Effect.sleep(100)
        yield* Fiber.interrupt(asking)
        return yield* raw(sql`SELECT 1::INTEGER AS one`)
      }),
      DuckDb.layer({ path: ":memory:", threads: 1, concurrentQueries: 1 })
    )
    assert.deepStrictEqual(rows, [{ one: 1 }])
  })

  it("answer: another project's question passes those that never end, and nobody's flood refuses it", async () => {
    const layer = DuckDb.layer({ path: ":memory:", threads: 1, sliceMillis: 50, waitingQueries: 4, keptAnswers: 0 })
    const [light, flood] = await run(
      Effect.gen(function* () {
        const asking: Array<Fiber.Fiber<unknown, WarehouseError>> = []
        for (let each = 0; each < 8; each++) {
          const heavy = Effect.provideService(raw(endless), Asker, { project: "a", id: "" })
          asking.push(yield* Effect.forkChild(heavy, { startImmediately: true }))
        }
        const rows = yield* Effect.provideService(raw(sql`SELECT 1::INTEGER AS one`), Asker, { project: "b", id: "" })
        const refused = asking.filter((fiber) => fiber.pollUnsafe() !== undefined)
        const reasons = yield* Effect.forEach(refused, (fiber) => Effect.flip(Fiber.join(fiber)))
        yield* Fiber.interruptAll(asking)
        return [rows, reasons.map(({ reason }) => reason._tag)] as const
      }),
      layer
    )
    assert.deepStrictEqual(light, [{ one: 1 }])
    assert.isAtLeast(flood.length, 3)
    assert.deepStrictEqual(new Set(flood), new Set(["QuestionsOverloaded"]))
  })

  it("answer: what the dialect has no form of is unsupported, by name", async () => {
    const question: Ask<never> = {
      project_id: "default",
      sql: () => {
        throw new UnsupportedFeature("paths")
      },
      shape: () => [],
      reference: () => []
    }
    const failure = await failureOf(Warehouse.use((warehouse) => warehouse.answer(question)))
    assert.deepInclude(failure.reason, { _tag: "Unsupported", feature: "paths" })
  })
})

describe("DuckDb answers kept", () => {
  const dice = sql`SELECT random() AS rolled, COUNT(*) AS events FROM events`

  it("the same question is answered from what is kept until the next write, and never across it", () =>
    run(
      Effect.gen(function* () {
        const warehouse = yield* Warehouse
        const first = yield* raw(dice)
        assert.deepStrictEqual(yield* raw(dice), first)
        // as_of moves on its own; nothing has changed.
        yield* warehouse.load(page(""), 7)
        assert.deepStrictEqual(yield* raw(dice), first)
        yield* warehouse.load(page("1", batchOf(1, 3)))
        const second = yield* raw(dice)
        assert.notDeepEqual(second, first)
        yield* (yield* WarehouseErasure).erase(erasureOf("user-1"))
        const third = yield* raw(dice)
        assert.notDeepEqual(third, second)
        assert.deepStrictEqual(yield* raw(dice), third)
      })
    ))

  it("a text and a number that look alike are two questions", () =>
    run(
      Effect.gen(function* () {
        const typeOf = (value: string | number) => raw(sql`SELECT encode(typeof(${value})) AS type`)
        assert.deepStrictEqual(yield* typeOf("1"), [{ type: "VARCHAR" }])
        assert.deepStrictEqual(yield* typeOf(1), [{ type: "BIGINT" }])
      })
    ))
})

const endless = sql`SELECT SUM(a.range * b.range) AS total FROM range(10000000) AS a, range(10000000) AS b`
const hungry = sql`SELECT encode(string_agg(hash(range)::VARCHAR, ',' ORDER BY hash(range))) AS all FROM range(3000000)`
