import { assert } from "@effect/vitest"
import { type BoundQuestion, sql, UnsupportedFeature, Warehouse } from "@millrace/core"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect, Fiber } from "effect"
import type { Place } from "../support.ts"
import { lawOn, raw } from "./support.ts"

const forEver = raw(sql`SELECT pg_sleep(600)`)

const sleeping = ({ sql: rows }: Place) =>
  Effect.map(
    rows(
      "SELECT count(*) AS there FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
    ),
    ([row]) => Number(row?.["there"])
  )

await describeWithService("PostgreSQL as a warehouse: limits", postgres(), (server, { owned }) => {
  const law = lawOn(server)
  // As a superuser, who may limit what spills.
  const lawOfSuperuser = owned ? law : () => undefined

  law(
    "a question that takes too long is stopped at the server, and named too expensive",
    (place) =>
      Effect.gen(function* () {
        const { reason, retryable } = yield* Effect.flip(forEver)
        assert.strictEqual(reason._tag, "QuestionTooExpensive")
        assert.strictEqual(reason._tag === "QuestionTooExpensive" && reason.limit, "time")
        assert.match(reason._tag === "QuestionTooExpensive" ? String(reason.cause) : "", /due to statement timeout/u)
        assert.isFalse(retryable)
        // It tells of the error first, and is idle a moment later.
        while ((yield* sleeping(place)) > 0) yield* Effect.sleep(20)
      }),
    { queryTimeoutMillis: 200 }
  )

  lawOfSuperuser(
    "a question that spills more than one may is stopped, and named too expensive",
    () =>
      Effect.gen(function* () {
        const sorted = raw(sql`SELECT * FROM generate_series(1, 2000000) AS n ORDER BY n DESC OFFSET 1999999`)
        const { reason } = yield* Effect.flip(sorted)
        assert.strictEqual(reason._tag === "QuestionTooExpensive" && reason.limit, "memory")
      }),
    { workMemoryMegabytes: 1, spillLimitMegabytes: 1 }
  )

  law("when whoever asks goes away the server stops", (place) =>
    Effect.gen(function* () {
      const asking = yield* Effect.forkChild(forEver)
      while ((yield* sleeping(place)) === 0) yield* Effect.sleep(20)
      yield* Fiber.interrupt(asking)
      while ((yield* sleeping(place)) > 0) yield* Effect.sleep(20)
    })
  )

  law(
    "of more questions than may wait the newest is refused, and may be asked again",
    (place) =>
      Effect.gen(function* () {
        const first = yield* Effect.forkChild(forEver)
        while ((yield* sleeping(place)) === 0) yield* Effect.sleep(20)
        const second = yield* Effect.forkChild(forEver, { startImmediately: true })
        const refused = yield* Effect.flip(raw(sql`SELECT 1`))
        assert.strictEqual(refused.reason._tag, "QuestionsOverloaded")
        assert.isTrue(refused.retryable)
        yield* Fiber.interruptAll([first, second])
        assert.deepStrictEqual(yield* raw(sql`SELECT 1 AS one`), [{ one: 1 }])
      }),
    { concurrentQueries: 1, waitingQueries: 1, sliceMillis: 600_000 }
  )

  law("a feature that the engine has no form of is unsupported; what it refuses, failed", () =>
    Effect.gen(function* () {
      const unsupported: BoundQuestion<unknown> = {
        project_id: "default",
        sql: () => {
          throw new UnsupportedFeature("time travel")
        },
        shape: (rows) => rows,
        reference: () => []
      }
      const failure = yield* Effect.flip((yield* Warehouse).answer(unsupported))
      assert.strictEqual(failure.reason._tag, "Unsupported")
      assert.strictEqual((yield* Effect.flip(raw(sql`SELECT nothing`))).reason._tag, "QueryFailed")
      assert.strictEqual((yield* Effect.flip(raw(sql`DELETE FROM events`))).reason._tag, "QueryFailed")
    })
  )
})
