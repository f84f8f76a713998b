import { assert } from "@effect/vitest"
import { EventBatch, IDENTIFY, query } from "@millrace/core"
import { batchOf, erasureOf, eventOf } from "@millrace/testing"
import { postgres, relationsHolding } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect, Fiber } from "effect"
import { connect, type Place } from "../support.ts"
import { lawOn, page, whole } from "./support.ts"

const SECRETS = ["gone-4711", "anonymous-4712", "secret-0815"]
const PROPERTIES = `{"note":"secret-0815","long":"${"x".repeat(5_000)}"}`
const erasure = erasureOf("gone-4711", "anonymous-4712")

const theirs = () => [
  batchOf(1, 5, { user_id: "gone-4711", properties: PROPERTIES }),
  batchOf(6, 5, { user_id: "anonymous-4712", properties: PROPERTIES }),
  EventBatch.fromEvents([
    eventOf(11, { user_id: "gone-4711", event_type: IDENTIFY, properties: '{"anonymous_id":"anonymous-4712"}' }),
    // Refused, and a copy of the id all the same.
    eventOf(12, { user_id: "other", event_type: IDENTIFY, properties: '{"anonymous_id":"anonymous-4712"}' })
  ])
]

const filesHolding = ({ url }: Place) => Effect.promise(() => relationsHolding(url, "millrace_warehouse", SECRETS))

const eventsThere = Effect.map(
  query({
    metric: "top-events",
    project_id: "default",
    params: { from: "2026-01-01", to: "2026-01-01", limit: 10 }
  }),
  ({ rows }) => rows.reduce((sum, row) => sum + row.events, 0)
)

await describeWithService("PostgreSQL as a warehouse: erase", postgres(), (server, { owned }) => {
  const law = lawOn(server)
  // As a superuser of the server, whose files are read.
  const lawOfFiles = owned ? law : () => undefined

  lawOfFiles(
    "no table, index or statistic holds a byte of the user, old row versions included; all else is there",
    (place) =>
      Effect.gen(function* () {
        const warehouse = yield* whole
        yield* warehouse.load(page("1", ...theirs(), batchOf(100, 500)), 5)
        for (const table of ["events", "identities", "known_users"]) yield* place.sql(`ANALYZE ${table}`)
        const planted = yield* filesHolding(place)
        assert.includeMembers(
          [...planted],
          ["events: gone-4711", "events_user_id: gone-4711", "identities: anonymous-4712"]
        )
        const before = yield* warehouse.counts
        assert.strictEqual(yield* warehouse.erase(erasure), 12)
        assert.deepStrictEqual(yield* filesHolding(place), [])
        assert.deepStrictEqual([yield* warehouse.counts, yield* eventsThere], [before, 500])
        yield* warehouse.load(page("2", ...theirs(), batchOf(700, 5)))
        assert.deepStrictEqual(yield* filesHolding(place), [])
        assert.strictEqual(yield* eventsThere, 505)
      })
  )

  lawOfFiles("while an older transaction may still look, the erasure is not told as done; repeated, it is", (place) =>
    Effect.gen(function* () {
      const warehouse = yield* whole
      yield* warehouse.load(page("1", ...theirs()))
      const other = yield* connect(place.url)
      yield* other("BEGIN ISOLATION LEVEL REPEATABLE READ")
      yield* other("SELECT 1")
      const erasing = yield* Effect.forkChild(Effect.exit(warehouse.erase(erasure)))
      const left = Effect.map(place.sql("SELECT count(*) AS rows FROM events"), ([row]) => Number(row?.["rows"]))
      while ((yield* left) > 0) yield* Effect.sleep(20)
      assert.deepStrictEqual(yield* place.sql("SELECT rewrite_due FROM erasure_state"), [{ rewrite_due: true }])
      yield* other("COMMIT")
      assert.strictEqual((yield* Fiber.join(erasing))._tag, "Success")
      assert.deepStrictEqual(yield* place.sql("SELECT rewrite_due FROM erasure_state"), [{ rewrite_due: false }])
      assert.deepStrictEqual(yield* filesHolding(place), [])
      assert.strictEqual(yield* warehouse.erase(erasure), 0)
    })
  )

  law("questions asked meanwhile are answered, from before or from after", () =>
    Effect.gen(function* () {
      const warehouse = yield* whole
      yield* warehouse.load(page("1", ...theirs(), batchOf(100, 200)))
      const asked = Effect.forEach(Array.from({ length: 30 }), () => eventsThere, { concurrency: 3 })
      const [seen] = yield* Effect.all([asked, warehouse.erase(erasure)], { concurrency: 2 })
      assert.isTrue(
        seen.every((events) => events === 200 || events === 210),
        String(seen)
      )
      assert.strictEqual(yield* eventsThere, 200)
    })
  )
})
