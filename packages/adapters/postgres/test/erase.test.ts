import { assert } from "@effect/vitest"
import { StoreErasure, DeadLetters, type DeadLetterReason, EventStore, isRedacted } from "@millrace/core"
import { batchOf, erasureOf } from "@millrace/testing"
import { postgres, relationsHolding } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Context, Effect, Fiber, Layer } from "effect"
import { Postgres } from "../src/index.ts"
import { connect, lawOn, type Place, replayAll } from "./support.ts"

const SECRETS = ["gone-4711", "secret-0815"]
const GONE = { user_id: "gone-4711", properties: `{"note":"secret-0815","long":"${"x".repeat(5_000)}"}` }
const erasure = erasureOf("gone-4711")
const refused: DeadLetterReason = { stage: "store", code: "Refused", message: "refused: secret-0815", attempts: 1 }

const filesHolding = ({ url }: Place) => Effect.promise(() => relationsHolding(url, "millrace", SECRETS))

/** Whether anybody waits for a lock. */
const lockWaits = ({ sql }: Place) =>
  Effect.map(sql("SELECT FROM pg_locks WHERE NOT granted"), (rows) => rows.length > 0)

await describeWithService("PostgreSQL: erase", postgres(), (server, { owned }) => {
  const law = lawOn(server)
  // As a superuser of the server, whose files are read.
  const lawOfFiles = owned ? law : () => undefined

  lawOfFiles("no table, index or statistic holds a byte of the user, old row versions included", (place) =>
    Effect.gen(function* () {
      const store = yield* EventStore
      for (let from = 1; from <= 40; from += 4) yield* store.append([batchOf(from, 4, from % 8 === 1 ? GONE : {})])
      const letters = Context.get(yield* Layer.build(Postgres.direct({ url: place.url })), DeadLetters)
      yield* letters.put(batchOf(90, 1, GONE), refused)
      yield* letters.put(batchOf(91, 1), { ...refused, message: "no" })
      yield* place.sql("ANALYZE events")
      yield* place.sql("ANALYZE dead_letters")
      const planted = yield* filesHolding(place)
      assert.includeMembers([...planted], ["dead_letters: secret-0815", "events: gone-4711"])
      const erased = yield* (yield* StoreErasure).erase(erasure)
      assert.deepStrictEqual(erased, [
        { place: "store", events: 20 },
        { place: "dead_letters", events: 1 }
      ])
      assert.deepStrictEqual(yield* filesHolding(place), [])
      const { events } = yield* replayAll()
      assert.strictEqual(events.length, 40)
      assert.strictEqual(events.filter(isRedacted).length, 20)
      assert.strictEqual((yield* letters.list({ limit: 10 })).length, 1)
    })
  )

  lawOfFiles("while an older transaction may still look, the erasure is not told as done; repeated, it is", (place) =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append([batchOf(1, 4, GONE)])
      const other = yield* connect(place.url)
      yield* other("BEGIN ISOLATION LEVEL REPEATABLE READ")
      yield* other("SELECT 1")
      const erasing = yield* Effect.forkChild(Effect.exit((yield* StoreErasure).erase(erasure)))
      const isRedactedNow = Effect.map(
        place.sql("SELECT count(*) AS rows FROM events WHERE event_type <> ''"),
        ([row]) => Number(row?.["rows"])
      )
      while ((yield* isRedactedNow) > 0) yield* Effect.sleep(20)
      assert.deepStrictEqual(yield* place.sql("SELECT rewrite_due FROM erasure_state"), [{ rewrite_due: true }])
      yield* other("COMMIT")
      assert.strictEqual((yield* Fiber.join(erasing))._tag, "Success")
      assert.deepStrictEqual(yield* place.sql("SELECT rewrite_due FROM erasure_state"), [{ rewrite_due: false }])
      assert.deepStrictEqual(yield* filesHolding(place), [])
      assert.deepStrictEqual(yield* (yield* StoreErasure).erase(erasure), [
        { place: "store", events: 0 },
        { place: "dead_letters", events: 0 }
      ])
    })
  )

  law("an append that was under way is waited for, and seen", (place) =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append([batchOf(1, 2)])
      const other = yield* connect(place.url)
      yield* other("BEGIN")
      yield* other(
        "INSERT INTO events SELECT pg_current_xact_id(), n, project_id, gen_random_uuid(), occurred_at, $1, event_type, properties, received_at, skew_micros FROM events",
        ["gone-4711"]
      )
      yield* other(
        "INSERT INTO segments (last_n, project_id, accepted, stored, bytes, received_at) VALUES (2, 'default', 2, 2, 1, 1)"
      )
      const erasing = yield* Effect.forkChild((yield* StoreErasure).erase(erasure))
      while (!(yield* lockWaits(place))) yield* Effect.sleep(20)
      yield* other("COMMIT")
      assert.deepStrictEqual((yield* Fiber.join(erasing))[0], { place: "store", events: 2 })
    })
  )

  law("an erasure waits for another one's tombstones, so that nobody who reads them in order misses one", (place) =>
    Effect.gen(function* () {
      const other = yield* connect(place.url)
      yield* other("BEGIN")
      yield* other("LOCK TABLE segments IN SHARE MODE")
      yield* other("INSERT INTO erasures (hash, until) VALUES ('another', 1)")
      const erasing = yield* Effect.forkChild((yield* StoreErasure).erase(erasure), { startImmediately: true })
      while (!(yield* lockWaits(place)) && erasing.pollUnsafe() === undefined) yield* Effect.sleep(20)
      assert.isUndefined(erasing.pollUnsafe())
      yield* other("COMMIT")
      yield* Fiber.join(erasing)
    })
  )

  law("what another erasure has overwritten meanwhile is still to be written anew", (place) =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append([batchOf(1, 4, GONE)])
      const other = yield* connect(place.url)
      yield* other("BEGIN")
      yield* other("LOCK TABLE dead_letters IN ACCESS SHARE MODE")
      const erasing = yield* Effect.forkChild((yield* StoreErasure).erase(erasure), { startImmediately: true })
      while (!(yield* lockWaits(place))) yield* Effect.sleep(20)
      // The events' table has been written anew by now.
      yield* place.sql("UPDATE erasure_state SET rewrite_due = true")
      yield* other("COMMIT")
      yield* Fiber.join(erasing)
      assert.deepStrictEqual(yield* place.sql("SELECT rewrite_due FROM erasure_state"), [{ rewrite_due: true }])
      yield* (yield* StoreErasure).erase(erasure)
      assert.deepStrictEqual(yield* place.sql("SELECT rewrite_due FROM erasure_state"), [{ rewrite_due: false }])
    })
  )

  law("appends by processes that have not heard of the erasure store nothing of the user", (place) =>
    Effect.gen(function* () {
      const elsewhere = Context.get(yield* Layer.build(Postgres.layer({ url: place.url })), EventStore)
      const retries = Effect.forEach(
        Array.from({ length: 60 }, (_, index) => 1 + index * 4),
        (from) => elsewhere.append([batchOf(from, 3, GONE), batchOf(from + 3, 1)]),
        { concurrency: 4 }
      )
      yield* Effect.all([retries, (yield* StoreErasure).erase(erasure), retries], { concurrency: 3 })
      yield* elsewhere.append([batchOf(501, 2, GONE)])
      const { events } = yield* replayAll()
      assert.deepStrictEqual(
        events.map(({ event_id }) => event_id).toSorted(),
        batchOf(1, 240)
          .events.concat(batchOf(501, 2).events)
          .map(({ event_id }) => event_id)
      )
      assert.strictEqual(events.filter(isRedacted).length, 182)
      assert.isFalse(events.some(({ user_id }) => user_id === "gone-4711"))
    })
  )
})
