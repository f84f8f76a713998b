import { readdirSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { type EventBatch, EventStore } from "@millrace/core"
import { batchOf, idOf } from "@millrace/testing"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { assert } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Postgres, PostgresStatus } from "../src/index.ts"
import { lawOn, messageOf, replayAll } from "./support.ts"

const MESSAGES = 120
const PER_MESSAGE = 50
const KILLS = 3

/** As a queue does: again and again until the append succeeds, also when it had and only its answer was lost. */
const appendUntilDone = Effect.fnUntraced(function* (message: EventBatch) {
  const store = yield* EventStore
  let failures = 0
  while (true) {
    const done = yield* Effect.result(store.append([message]))
    if (done._tag === "Success") return failures
    assert.isTrue(done.failure.retryable, done.failure.message)
    failures++
    yield* Effect.sleep(20)
  }
})

await describeWithService("faults", postgres(), (server, { owned }) => {
  const law = lawOn(server)

  law("append: a refused event is a permanent refusal, and its neighbours still fit", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const bad = [
        batchOf(2, 1, { user_id: "a\u0000b" }),
        batchOf(3, 1, { properties: "{" }),
        batchOf(4, 1, { properties: '{"a":"\u0001"}' })
      ]
      for (const batch of bad) {
        const error = yield* Effect.flip(store.append([batchOf(1, 1), batch]))
        assert.deepStrictEqual(
          [error.operation, error.reason._tag, error.retryable],
          ["append", "StoreRejected", false]
        )
      }
      assert.deepStrictEqual(yield* store.append([batchOf(1, 4)]), { stored: 4, duplicates: 0 })
    })
  )

  law("replay: a cursor of another store is refused", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const error = yield* Effect.flip(store.replay({ after: "12; DROP", limit: 1 }))
      assert.strictEqual(error.reason._tag, "StoreRejected")
    })
  )

  law("a missing table is trouble of the moment, so that no event is set aside for it", ({ sql }) =>
    Effect.gen(function* () {
      yield* sql("ALTER TABLE identities RENAME TO elsewhere")
      const error = yield* Effect.flip((yield* EventStore).append([batchOf(1, 1)]))
      assert.strictEqual(error.reason._tag, "StoreUnavailable")
    })
  )

  law("migrations: four at once run each of them once, and open again without change", ({ url, sql }) =>
    Effect.gen(function* () {
      yield* sql("DROP SCHEMA millrace CASCADE")
      const open = Effect.scoped(Layer.build(Postgres.layer({ url, connections: 1 })))
      yield* Effect.all([open, open, open, open], { concurrency: "unbounded" })
      const versions = yield* sql("SELECT version, applied_at FROM migrations ORDER BY version")
      assert.deepStrictEqual(
        versions.map(({ version }) => version),
        readdirSync(new URL("../migrations/", import.meta.url))
          .filter((name) => name.endsWith(".sql"))
          .map((name) => Number(name.slice(0, 4)))
      )
      yield* open
      assert.deepStrictEqual(yield* sql("SELECT version, applied_at FROM migrations ORDER BY version"), versions)
    })
  )

  law("open: a schema of a later program, and rows of another cluster, are refused", ({ url, sql }) =>
    Effect.gen(function* () {
      const opening = Effect.flip(Effect.scoped(Layer.build(Postgres.layer({ url }))))
      yield* sql("INSERT INTO segments VALUES ('900000000', 1, 'default', 1, 1, 1, 1)")
      assert.include((yield* opening).message, "another cluster")
      yield* sql("DELETE FROM segments")
      yield* sql("INSERT INTO migrations VALUES (99)")
      assert.include((yield* opening).message, "newer")
    })
  )

  law("open: options in the URL replace neither the schema nor the durability", ({ url }) =>
    Effect.gen(function* () {
      const own = `${url}?options=${encodeURIComponent("-c search_path=public -c synchronous_commit=off")}`
      yield* (yield* EventStore).append([batchOf(1, 2)])
      const { ids } = yield* Effect.provide(replayAll(), Postgres.layer({ url: own }))
      assert.deepStrictEqual(ids, [idOf(1), idOf(2)])
    })
  )

  law("restoring: the README's statements make rows of another cluster readable, in their order", ({ url, sql }) =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append([messageOf(1, 1, 3), messageOf(2, 2, 3)])
      yield* store.append([messageOf(3, 5, 3, { project_id: "other" }), messageOf(4, 4, 3)])
      const before = yield* replayAll()
      const ahead = "(xid::text::bigint + 1000000000)::text::xid8"
      yield* sql(`UPDATE events SET xid = ${ahead}`)
      yield* sql(`UPDATE segments SET xid = ${ahead}`)
      const readme = yield* Effect.promise(() => readFile(new URL("../README.md", import.meta.url), "utf8"))
      yield* sql(/```sql\n([^`]+)```/u.exec(readme)![1]!)
      const after = yield* Effect.scoped(Effect.provide(replayAll(), Postgres.layer({ url })))
      assert.deepStrictEqual([after.events, after.duplicates], [before.events, before.duplicates])
    })
  )

  if (!owned) return

  law(
    "append: PostgreSQL killed in the middle, again and again; afterwards each event is there once and counted once",
    () =>
      Effect.gen(function* () {
        const messages = Array.from({ length: MESSAGES }, (_, at) =>
          messageOf(at, 1 + at * (PER_MESSAGE - 10), PER_MESSAGE)
        )
        const appending = yield* Effect.forkChild(Effect.forEach(messages, appendUntilDone, { concurrency: 6 }))
        for (let kill = 0; kill < KILLS; kill++) {
          yield* Effect.sleep(60)
          yield* Effect.promise(() => server().kill())
          yield* Effect.promise(() => server().start())
        }
        const failures = yield* Fiber.join(appending)
        assert.isAbove(
          failures.reduce((sum, count) => sum + count, 0),
          0
        )
        const { duplicates, ids } = yield* replayAll()
        const distinct = MESSAGES * (PER_MESSAGE - 10) + 10
        assert.deepStrictEqual(
          ids.toSorted(),
          Array.from({ length: distinct }, (_, at) => idOf(at + 1))
        )
        assert.strictEqual(duplicates, MESSAGES * PER_MESSAGE - distinct)
        const { accepted } = yield* (yield* PostgresStatus).totals
        assert.deepStrictEqual(accepted, { default: MESSAGES * PER_MESSAGE })
      })
  )

  law(
    "a server that stopped answering is unavailable, and serves again once it goes on",
    () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        yield* store.append([batchOf(1, 1)])
        server().pause()
        const error = yield* Effect.flip(store.append([batchOf(2, 1)]))
        server().resume()
        assert.deepStrictEqual([error.reason._tag, error.retryable], ["StoreUnavailable", true])
        yield* appendUntilDone(batchOf(2, 1))
        assert.deepStrictEqual((yield* replayAll()).ids, [idOf(1), idOf(2)])
      }),
    { operationTimeoutMillis: 2_000, connectTimeoutMillis: 2_000 }
  )

  law("close: does not wait for a server that stopped answering", ({ url }) =>
    Effect.gen(function* () {
      const appended = Effect.flatMap(EventStore, (store) => store.append([batchOf(1, 1)]))
      const open = Postgres.layer({ url, connectTimeoutMillis: 2_000 })
      yield* Effect.provide(
        Effect.tap(appended, () => Effect.sync(() => server().pause())),
        open
      )
      server().resume()
      assert.deepStrictEqual((yield* replayAll()).ids, [idOf(1)])
    })
  )

  law("open: a server that is down is unavailable", ({ url }) =>
    Effect.gen(function* () {
      yield* Effect.promise(() => server().stop())
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Postgres.layer({ url }))))
      yield* Effect.promise(() => server().start())
      assert.deepStrictEqual([error.operation, error.reason._tag], ["open", "StoreUnavailable"])
    })
  )
})
