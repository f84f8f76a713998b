import { assert, describe, it } from "@effect/vitest"
import { type Bucket, RateLimiter } from "@millrace/core"
import { layerMemoryRateLimiter } from "@millrace/core/memory"
import { rateLimiterContract } from "../../testing/src/index.ts"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

rateLimiterContract("memory", { place: () => Effect.succeed(() => layerMemoryRateLimiter()), shared: false })

const bucket = (key: string): ReadonlyArray<Bucket> => [{ key, capacity: 10, refillPerSecond: 2 }]

describe("RateLimiter: memory", () => {
  it.effect("is exact by its clock", () =>
    Effect.gen(function* () {
      const { take } = yield* RateLimiter
      const taken = { allowed: true, buckets: [{ remaining: 2, resetSeconds: 4 }] }
      assert.deepStrictEqual(yield* take(bucket("a"), 8), taken)
      const refused = { allowed: false, buckets: [{ remaining: 2, resetSeconds: 0.5 }] }
      assert.deepStrictEqual(yield* take(bucket("a"), 3), refused)
      yield* TestClock.adjust("500 millis")
      const last = { allowed: true, buckets: [{ remaining: 0, resetSeconds: 5 }] }
      assert.deepStrictEqual(yield* take(bucket("a"), 3), last)
    }).pipe(Effect.provide(layerMemoryRateLimiter()))
  )
  it.effect("forgets the least recently used key beyond its bound", () =>
    Effect.gen(function* () {
      const { take } = yield* RateLimiter
      const left = (key: string) => Effect.map(take(bucket(key), 0), ({ buckets }) => buckets[0]?.remaining)
      for (const key of ["a", "b", "a", "c"]) yield* take(bucket(key), 4)
      assert.strictEqual(yield* left("a"), 2)
      assert.strictEqual(yield* left("b"), 10)
    }).pipe(Effect.provide(layerMemoryRateLimiter({ maxKeys: 2 })))
  )
})
