import { EventBatch, EventStore } from "@millrace/core"
import { batchOf, idOf } from "@millrace/testing"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { assert } from "@effect/vitest"
import { Effect, Fiber, Ref } from "effect"
import { PostgresStatus } from "../src/index.ts"
import { connect, idsOf, lawOn, messageOf, type Place, replayAll } from "./support.ts"

const APPENDERS = 8
const ROUNDS = 25
const PER_APPEND = 6

const numbers = (from: number, count: number) => Array.from({ length: count }, (_, index) => idOf(from + index))

/** Reads by position alone, as `id > watermark` does: what the horizon is there to prevent. */
const readWithoutHorizon = (sql: Place["sql"], after: ReadonlyArray<unknown>) =>
  sql("SELECT xid::text, n, event_id FROM events WHERE (xid, n) > ($1::xid8, $2::int) ORDER BY xid, n", after)

/**
 * Two appends of which the first to begin is the last to commit: it waits for an identity that another session holds.
 * Returns what to do to let it go on.
 */
const overlap = Effect.fnUntraced(function* ({ sql, url }: Place) {
  const store = yield* EventStore
  yield* sql("BEGIN")
  yield* sql("INSERT INTO identities VALUES ('default', $1, '2026-01-01')", [idOf(2)])
  const early = yield* Effect.forkChild(store.append([batchOf(1, 2)]))
  const watch = yield* connect(url)
  const waiting = Effect.map(
    watch(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    ),
    ([row]) => Number(row?.["n"])
  )
  while ((yield* waiting) === 0) yield* Effect.sleep(5)
  yield* store.append([batchOf(11, 2)])
  return { watch, letGo: Effect.andThen(sql("ROLLBACK"), Fiber.join(early)) }
})

await describeWithService("replay order", postgres(), (server) => {
  const law = lawOn(server)

  law("replay: an append that began early and commits late is not passed over", (place) =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const { letGo } = yield* overlap(place)
      const hidden = yield* store.replay({ after: "", limit: 10 })
      assert.deepStrictEqual([hidden.batches.length, hidden.cursor, hidden.caughtUp], [0, "", false])
      assert.strictEqual((yield* (yield* PostgresStatus).horizon).hiddenEvents, 2)
      yield* letGo
      assert.deepStrictEqual((yield* replayAll()).ids, [...numbers(1, 2), ...numbers(11, 2)])
    })
  )

  law("replay: without the horizon a reader would have lost the late append (the law above can fail)", (place) =>
    Effect.gen(function* () {
      const { letGo, watch } = yield* overlap(place)
      const early = yield* readWithoutHorizon(watch, ["0", 0])
      const last = early.at(-1)!
      yield* letGo
      const late = yield* readWithoutHorizon(watch, [last["xid"], last["n"]])
      const seen = [...early, ...late].map((row) => row["event_id"])
      assert.deepStrictEqual(seen, numbers(11, 2))
    })
  )

  law("replay: a follower of eight appenders with overlapping ids misses nothing and sees nothing twice", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const done = yield* Ref.make(false)
      const appender = (own: number) =>
        Effect.forEach(
          Array.from({ length: ROUNDS }, (_, round) => round),
          // Neighbours overlap by half, and every appender meets the others' ids in another order.
          (round) => store.append([batchOf(((own * 7 + round * 3) % 60) * 3 + 1, PER_APPEND)]),
          { discard: true }
        )
      const seen: Array<string> = []
      const follow = Effect.gen(function* () {
        let cursor = ""
        let accepted = 0
        while (true) {
          const finished = yield* Ref.get(done)
          const page = yield* store.replay({ after: cursor, limit: 20 })
          cursor = page.cursor
          seen.push(...idsOf(page.batches))
          accepted += idsOf(page.batches).length + (page.duplicates["default"] ?? 0)
          if (finished && page.caughtUp) return accepted
        }
      })
      const follower = yield* Effect.forkChild(follow)
      yield* Effect.forEach(
        Array.from({ length: APPENDERS }, (_, own) => own),
        appender,
        {
          concurrency: APPENDERS,
          discard: true
        }
      )
      yield* Ref.set(done, true)
      assert.strictEqual(yield* Fiber.join(follower), APPENDERS * ROUNDS * PER_APPEND)
      const covered = new Set(
        Array.from(
          { length: APPENDERS * ROUNDS },
          (_, at) => ((Math.floor(at / ROUNDS) * 7 + (at % ROUNDS) * 3) % 60) * 3 + 1
        )
      )
      const expected = new Set([...covered].flatMap((from) => numbers(from, PER_APPEND)))
      assert.deepStrictEqual(seen.toSorted(), [...expected].toSorted())
    })
  )

  law("append: the same ids and messages in opposite orders never block each other", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      for (let round = 0; round < 6; round++) {
        const messages = Array.from({ length: 60 }, (_, at) =>
          messageOf(round * 60 + at, (round * 60 + at) * 20 + 1, 20)
        )
        const others = batchOf(100_000 + round * 2_000, 1_500).events
        const byMessage = [messages, messages.toReversed()]
        const byId = [EventBatch.fromEvents(others), EventBatch.fromEvents(others.toReversed())]
        const appends = Array.from({ length: 8 }, (_, at) =>
          store.append(at < 4 ? byMessage[at % 2]! : [byId[at % 2]!])
        )
        yield* Effect.all(appends, { concurrency: "unbounded" })
      }
      assert.strictEqual((yield* replayAll(10_000)).ids.length, 6 * (60 * 20 + 1_500))
    })
  )

  law("horizon: its age is that of the oldest transaction that writes", ({ sql }) =>
    Effect.gen(function* () {
      const status = yield* PostgresStatus
      yield* sql("BEGIN")
      yield* sql("SELECT pg_current_xact_id()")
      // Timers may come a millisecond early.
      yield* Effect.sleep(40)
      assert.isAtLeast((yield* status.horizon).ageMillis, 30)
      yield* sql("ROLLBACK")
      assert.strictEqual((yield* status.horizon).ageMillis, 0)
    })
  )

  law(
    "replay: a page ends at the batch that passes its bytes",
    () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const properties = JSON.stringify({ text: "x".repeat(60_000) })
        for (let from = 1; from <= 60; from += 10) yield* store.append([batchOf(from, 10, { properties })])
        const page = yield* store.replay({ after: "", limit: 1_000 })
        assert.deepStrictEqual([idsOf(page.batches).length, page.caughtUp], [20, false])
        assert.strictEqual((yield* replayAll()).ids.length, 60)
      }),
    { pageMegabytes: 1 }
  )

  law("prune: frees what is old enough, keeps the identities and the totals", ({ sql }) =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const status = yield* PostgresStatus
      const old = { received_at: 1 }
      yield* store.append([batchOf(1, 5, old), batchOf(1, 2, old)])
      yield* store.append([batchOf(6, 5, { received_at: Date.now() * 1000 })])
      const { cursor } = yield* replayAll()
      const totals = yield* status.totals
      yield* store.prune({ upTo: cursor })
      assert.deepStrictEqual(yield* sql("SELECT count(*)::int AS n FROM events"), [{ n: 5 }])
      assert.deepStrictEqual(yield* status.totals, totals)
      assert.deepStrictEqual(yield* store.append([batchOf(1, 10)]), { stored: 0, duplicates: 10 })
    })
  )

  law(
    "prune: past the horizons, identities and deliveries are forgotten",
    ({ sql }) =>
      Effect.gen(function* () {
        const store = yield* EventStore
        yield* store.append([messageOf(1, 1, 5, { received_at: 1 })])
        yield* store.append([batchOf(6, 5, { received_at: Date.now() * 1000 })])
        yield* store.prune({ upTo: (yield* replayAll()).cursor })
        assert.deepStrictEqual(yield* store.append([batchOf(1, 10)]), { stored: 5, duplicates: 5 })
        assert.deepStrictEqual(yield* sql("SELECT count(*)::int AS n FROM deliveries"), [{ n: 0 }])
      }),
    { dedupeDays: 90 }
  )
})
