import { assert, it } from "@effect/vitest"
import {
  type StoreServices,
  type QueueServices,
  type WarehouseServices,
  DeadLetters,
  EventQueue,
  ledger,
  load
} from "@millrace/core"
import { batchOf, layerMemoryWarehouse } from "@millrace/testing"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect, Layer } from "effect"
import { Postgres } from "../src/index.ts"
import { connect, type Place } from "./support.ts"

await describeWithService("PostgreSQL: what is taken out behind our back", postgres(), (server) => {
  const law = <E>(
    title: string,
    body: (place: Place) => Effect.Effect<void, E, QueueServices | StoreServices | WarehouseServices>
  ) =>
    it.live(title, () =>
      Effect.gen(function* () {
        const url = yield* Effect.promise(() => server().createDatabase())
        const services = Layer.merge(Postgres.direct({ url, retainDays: 100_000 }), layerMemoryWarehouse)
        yield* Effect.flatMap(connect(url), (sql) => body({ url, sql })).pipe(Effect.provide(services))
      }).pipe(Effect.scoped)
    )
  const publish = (from: number, count: number, project_id = "default") =>
    Effect.flatMap(EventQueue, (queue) => queue.publish(batchOf(from, count, { project_id })))
  const loadAll = Effect.gen(function* () {
    while (!(yield* load({ limit: 1_000 })).caughtUp);
  })

  law("rows deleted before they were loaded are lost once the load has passed them, by project", ({ sql }) =>
    Effect.gen(function* () {
      yield* publish(1, 10)
      yield* loadAll
      yield* publish(11, 20)
      yield* publish(1, 5, "other")
      yield* sql("DELETE FROM events WHERE project_id = 'default' AND n % 2 = 0")
      yield* sql("DELETE FROM events WHERE project_id = 'other'")
      assert.deepInclude(yield* ledger("default"), { accepted: 30, stored: 10, in_flight: 20, difference: 0 })
      yield* loadAll
      const ours = yield* ledger("default")
      assert.deepInclude(ours, { accepted: 30, stored: 20, lost: 10, in_flight: 0, difference: 0 })
      assert.deepInclude(yield* ledger("other"), { accepted: 5, stored: 0, lost: 5, difference: 0 })
      yield* loadAll
      assert.deepStrictEqual(yield* ledger("default"), ours)
    })
  )

  law("tables that are emptied do not take what was accepted with them", ({ sql }) =>
    Effect.gen(function* () {
      yield* publish(1, 10)
      yield* loadAll
      yield* publish(11, 20)
      yield* sql("TRUNCATE events, segments")
      yield* loadAll
      const { accepted, difference, lost } = yield* ledger("default")
      assert.deepStrictEqual([accepted, lost + difference], [30, 20])
      yield* publish(31, 5)
      yield* loadAll
      assert.deepInclude(yield* ledger("default"), { accepted: 35, stored: 15, in_flight: 0 })
    })
  )

  law("accounts of what was loaded long since may go: nothing is missing", ({ sql }) =>
    Effect.gen(function* () {
      yield* publish(1, 10)
      yield* loadAll
      yield* sql("TRUNCATE events, segments")
      assert.deepInclude(yield* ledger("default"), { accepted: 10, stored: 10, lost: 0, difference: 0 })
    })
  )

  const reason = { stage: "store", code: "Refused", message: "by the test", attempts: 1 } as const
  law("dead letters deleted by hand are lost; purged and replayed ones are not", ({ sql }) =>
    Effect.gen(function* () {
      for (const from of [1, 11, 21]) yield* (yield* DeadLetters).put(batchOf(from, 5), reason)
      const ids = (yield* (yield* DeadLetters).list({ limit: 100 })).map(({ id }) => id)
      yield* (yield* DeadLetters).purge(ids.slice(0, 2))
      yield* (yield* DeadLetters).replay(ids.slice(2, 5))
      yield* loadAll
      const before = yield* ledger("default")
      assert.deepInclude(before, { accepted: 18, stored: 3, dead_lettered: 15, replayed: 3, lost: 0, difference: 0 })
      yield* sql("DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters ORDER BY id LIMIT 4)")
      assert.deepInclude(yield* ledger("default"), { accepted: 18, dead_lettered: 11, lost: 4, difference: 0 })
    })
  )
})
