import { readdirSync } from "node:fs"
import { assert, it } from "@effect/vitest"
import { EventBatch, IDENTIFY, query, Warehouse } from "@millrace/core"
import { batchOf, erasureOf, eventOf } from "@millrace/testing"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect, Layer } from "effect"
import { Postgres } from "../../src/index.ts"
import { connect } from "../support.ts"
import { lawOn, page, raw, whole, wholeOf } from "./support.ts"
import { sql } from "@millrace/core"

const identify = (id: number, user_id: string, anonymous_id: string) =>
  eventOf(id, { user_id, event_type: IDENTIFY, properties: JSON.stringify({ anonymous_id }) })

const DAY = { from: "2026-01-01", to: "2026-01-01" }
const users = Effect.map(query({ metric: "dau", project_id: "default", params: DAY }), ({ rows }) => rows[0]?.users)

const PAGES = 12
const PER_PAGE = 40
/** Page `number` from 1 on, which follows the one before and holds five events of it again. */
const pageOf = (number: number) => ({
  ...page(String(number), batchOf(number * PER_PAGE, PER_PAGE), batchOf(number * PER_PAGE - 5, 5)),
  after: number === 1 ? "" : String(number - 1)
})

await describeWithService("PostgreSQL as a warehouse: load", postgres(), (server) => {
  const law = lawOn(server)
  const another = (url: string) => Effect.map(Layer.build(Postgres.warehouse({ url })), wholeOf)

  it.live("migrations: four at once run each of them once, beside the hot store's", () =>
    Effect.gen(function* () {
      const url = yield* Effect.promise(() => server().createDatabase())
      const all = [...Array.from({ length: 4 }, () => another(url)), Layer.build(Postgres.layer({ url }))]
      yield* Effect.scoped(Effect.all(all, { concurrency: 5 }))
      const rows = yield* connect(url, "millrace_warehouse")
      const names = readdirSync(new URL("../../migrations/warehouse/", import.meta.url))
      assert.deepStrictEqual(
        yield* rows("SELECT version FROM migrations ORDER BY version"),
        names.map((name) => ({ version: Number(name.slice(0, 4)) }))
      )
    }).pipe(Effect.scoped)
  )

  law("a refused row rolls everything back and is not retryable", () =>
    Effect.gen(function* () {
      const warehouse = yield* whole
      yield* warehouse.load(page("1", batchOf(1, 2)), 5)
      const bad = batchOf(9, 1, { user_id: "a\u0000b" })
      const failure = yield* Effect.flip(warehouse.load(page("2", batchOf(5, 3), bad), 6))
      assert.strictEqual(failure.reason._tag, "RowsRejected")
      assert.isFalse(failure.retryable)
      assert.strictEqual((yield* Effect.flip(warehouse.rehearse([bad]))).reason._tag, "RowsRejected")
      assert.deepStrictEqual(yield* warehouse.watermark, { cursor: "1", as_of: 5 })
      assert.deepStrictEqual((yield* warehouse.counts).stored, { default: 2 })
    })
  )

  law("the same page again, its first answer lost, counts nothing twice", () =>
    Effect.gen(function* () {
      const warehouse = yield* whole
      const again = { ...page("1", batchOf(1, 3), batchOf(1, 1)), duplicates: { default: 4 }, lost: { default: 2 } }
      yield* warehouse.load(again)
      yield* warehouse.load(again)
      const { duplicates, lost, stored } = yield* warehouse.counts
      assert.deepStrictEqual([stored, duplicates, lost], [{ default: 3 }, { default: 5 }, { default: 2 }])
    })
  )

  law("two loaders at once load every page once, in order", ({ url }) =>
    Effect.gen(function* () {
      const loader = (warehouse: Warehouse["Service"]) =>
        Effect.gen(function* () {
          while (true) {
            const { cursor } = yield* warehouse.watermark
            const next = Number(cursor === "" ? 0 : cursor) + 1
            if (next > PAGES) return
            yield* warehouse.load(pageOf(next), next).pipe(
              Effect.catchIf(
                (error) => error.retryable,
                () => Effect.void
              )
            )
          }
        })
      const warehouse = yield* whole
      yield* Effect.all([loader(warehouse), loader(yield* another(url))], { concurrency: 2 })
      const counts = yield* warehouse.counts
      assert.deepStrictEqual([counts.cursor, counts.stored], [String(PAGES), { default: PAGES * PER_PAGE + 5 }])
      assert.deepStrictEqual(counts.duplicates, { default: (PAGES - 1) * 5 })
      assert.strictEqual((yield* warehouse.watermark).as_of, PAGES)
    })
  )

  law(
    "a page that was read behind where another loader has come to is refused for now, and changes nothing",
    ({ url }) =>
      Effect.gen(function* () {
        const [one, other] = [yield* whole, yield* another(url)]
        yield* one.load(pageOf(1), 1)
        yield* one.load(pageOf(2), 2)
        const before = yield* one.counts
        const failure = yield* Effect.flip(other.load({ ...pageOf(1), cursor: "1.5" }, 9))
        assert.isTrue(failure.retryable)
        assert.deepStrictEqual(yield* one.counts, before)
        assert.deepStrictEqual(yield* one.watermark, { cursor: "2", as_of: 2 })
      })
  )

  law("after a restart with counts what is here already is counted as stored, until the store's end", () =>
    Effect.gen(function* () {
      const warehouse = yield* whole
      const { origin } = warehouse
      yield* warehouse.load(page("1", batchOf(1, 4)), 1)
      yield* origin.bind("store")
      const { id } = yield* origin.read
      yield* origin.restart({ cursor: "0", counted: { default: 1 }, lost: { default: 2 } })
      assert.deepStrictEqual(yield* warehouse.watermark, { cursor: "0", as_of: 0 })
      yield* warehouse.load(page("1", batchOf(1, 4)))
      yield* warehouse.load(page("2", batchOf(3, 3)), 7)
      yield* warehouse.load(page("3", batchOf(5, 2)))
      const { duplicates, lost, stored } = yield* warehouse.counts
      assert.deepStrictEqual([stored, duplicates, lost], [{ default: 9 }, { default: 1 }, { default: 2 }])
      assert.deepStrictEqual(yield* origin.read, { id, store: "store" })
    })
  )

  law("a merge is made once, a refused one is counted, and an erasure forgets both", ({ sql: rows }) =>
    Effect.gen(function* () {
      const warehouse = yield* whole
      const visits = ["a", "k", "m"].map((user_id, index) => eventOf(index + 1, { user_id }))
      const merges = [identify(20, "k", "a"), identify(21, "m", "k")]
      for (const cursor of ["1", "2"]) {
        yield* warehouse.load(page(cursor, EventBatch.fromEvents([...visits, ...merges])))
      }
      assert.strictEqual(yield* users, 2)
      assert.deepStrictEqual(yield* rows("SELECT * FROM refused_merges"), [{ project_id: "default", merges: "1" }])
      assert.deepStrictEqual(yield* rows("SELECT anonymous_id, user_id FROM identities"), [
        { anonymous_id: "a", user_id: "k" }
      ])
      assert.strictEqual(yield* warehouse.erase(erasureOf("k", "a")), 4)
      assert.strictEqual(yield* users, 1)
      assert.deepStrictEqual(yield* rows("SELECT * FROM identities"), [])
      assert.deepStrictEqual(yield* rows("SELECT * FROM known_users"), [])
    })
  )

  law("whoever was erased by another process stays erased in what this one loads", ({ url }) =>
    Effect.gen(function* () {
      const [one, other] = [yield* whole, yield* another(url)]
      yield* one.load(page("1", batchOf(1, 2, { user_id: "gone" }), batchOf(3, 1)))
      assert.strictEqual(yield* other.erase(erasureOf("gone")), 2)
      yield* one.load(page("2", batchOf(11, 2, { user_id: "gone" }), batchOf(13, 1)))
      assert.deepStrictEqual(yield* raw(sql`SELECT DISTINCT user_id = ${"gone"} AS is_gone FROM events`), [
        { is_gone: false }
      ])
      assert.deepStrictEqual((yield* one.counts).stored, { default: 6 })
    })
  )
})
