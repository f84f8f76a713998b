import { assert, it } from "@effect/vitest"
import { query, sql, Warehouse, WarehouseErasure } from "@millrace/core"
import { batchOf, erasureOf } from "@millrace/testing"
import { postgres, postgresStandby, type TestServer } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect, type Scope } from "effect"
import { afterAll, beforeAll } from "vitest"
import { Postgres } from "../../src/index.ts"
import { connect, type Place } from "../support.ts"
import { page, raw } from "./support.ts"

const DAY = { from: "2026-01-01", to: "2026-01-01" }
const users = Effect.map(query({ metric: "dau", project_id: "default", params: DAY }), ({ rows }) => rows[0]?.users)
const isAtStandby = Effect.map(
  raw(sql`SELECT pg_is_in_recovery() AS there`),
  ([row]) => (row as { there: boolean }).there
)

await describeWithService("PostgreSQL as a warehouse: a replica", postgres(), (server, { owned }) => {
  let standby: TestServer
  beforeAll(async () => {
    if (owned) standby = await postgresStandby(server())
  })
  afterAll(() => standby?.close())

  type Services = Effect.Services<typeof users> | WarehouseErasure | Scope.Scope
  const law = (title: string, body: (there: Place["sql"]) => Effect.Effect<void, unknown, Services>) =>
    it.live.skipIf(!owned)(title, () =>
      Effect.gen(function* () {
        const url = yield* Effect.promise(() => server().createDatabase())
        const replicaUrl = Object.assign(new URL(url), { port: String(standby.port) }).href
        return yield* Effect.scoped(
          Effect.gen(function* () {
            const there = yield* connect(Object.assign(new URL(standby.url), { pathname: "/postgres" }).href)
            yield* body(there)
          })
        ).pipe(Effect.provide(Postgres.warehouse({ url, replicaUrl })))
      })
    )
  /** Answers come from the standby once it has caught up. */
  const caughtUp = Effect.gen(function* () {
    while (!(yield* isAtStandby)) yield* Effect.sleep(20)
  })

  /** The server is only asked to; where it stands is known once it says so. */
  const paused = Effect.fnUntraced(function* (there: Place["sql"]) {
    yield* there("SELECT pg_wal_replay_pause()")
    const state = Effect.map(there("SELECT pg_get_wal_replay_pause_state() AS state"), ([row]) => row?.["state"])
    while ((yield* state) !== "paused") yield* Effect.sleep(20)
  })

  law("it answers once it has come as far as what was told", () =>
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      yield* warehouse.load(page("1", batchOf(1, 6)), 5)
      yield* caughtUp
      assert.strictEqual(yield* users, 6)
    })
  )

  law("while it is behind, no answer lacks what the watermark tells of, nor has an erased user", (there) =>
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      yield* warehouse.load(page("1", batchOf(1, 2, { user_id: "stays" }), batchOf(3, 2, { user_id: "gone" })), 5)
      yield* caughtUp
      yield* Effect.addFinalizer(() => there("SELECT pg_wal_replay_resume()"))
      yield* paused(there)
      yield* warehouse.load(page("2", batchOf(5, 1, { user_id: "new" })), 6)
      assert.strictEqual((yield* warehouse.watermark).as_of, 6)
      assert.deepStrictEqual([yield* users, yield* isAtStandby], [3, false])
      yield* there("SELECT pg_wal_replay_resume()")
      yield* caughtUp
      yield* paused(there)
      yield* (yield* WarehouseErasure).erase(erasureOf("gone"))
      assert.deepStrictEqual([yield* users, yield* isAtStandby], [2, false])
      yield* there("SELECT pg_wal_replay_resume()")
      yield* caughtUp
      assert.strictEqual(yield* users, 2)
    })
  )

  law("while it is away the database itself answers", () =>
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      yield* warehouse.load(page("1", batchOf(1, 6)), 5)
      yield* caughtUp
      yield* Effect.promise(() => standby.kill())
      assert.deepStrictEqual([yield* users, yield* isAtStandby], [6, false])
      yield* Effect.promise(() => standby.start())
      yield* caughtUp
    })
  )
})
