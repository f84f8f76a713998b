import { assert, describe, it } from "@effect/vitest"
import { KeyStore, RateLimiter } from "@millrace/core"
import { layerMemoryKeyStore, layerMemoryRateLimiter } from "@millrace/core/memory"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

const limiter = layerMemoryRateLimiter({ capacity: 10, refillPerSecond: 2, maxKeys: 2 })

describe("RateLimiter: memory", () => {
  it.effect("allows up to the capacity, refuses beyond it, and says when to come back", () =>
    Effect.gen(function* () {
      const { take } = yield* RateLimiter
      assert.deepStrictEqual(yield* take("a", 8), { allowed: true, remaining: 2, resetSeconds: 4 })
      assert.deepStrictEqual(yield* take("a", 3), { allowed: false, remaining: 2, resetSeconds: 0.5 })
      yield* TestClock.adjust("500 millis")
      assert.deepStrictEqual(yield* take("a", 3), { allowed: true, remaining: 0, resetSeconds: 5 })
    }).pipe(Effect.provide(limiter))
  )
  it.effect("never refills beyond the capacity, and keeps keys apart", () =>
    Effect.gen(function* () {
      const { take } = yield* RateLimiter
      yield* take("a", 10)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* take("a", 0)).remaining, 10)
      assert.strictEqual((yield* take("b", 1)).remaining, 9)
    }).pipe(Effect.provide(limiter))
  )
  it.effect("forgets the least recently used key beyond its bound", () =>
    Effect.gen(function* () {
      const { take } = yield* RateLimiter
      for (const key of ["a", "b", "a", "c"]) yield* take(key, 4)
      assert.strictEqual((yield* take("a", 0)).remaining, 2)
      assert.strictEqual((yield* take("b", 0)).remaining, 10)
    }).pipe(Effect.provide(limiter))
  )
})

describe("KeyStore: memory", () => {
  it.effect("finds a key by its hash alone", () =>
    Effect.gen(function* () {
      const { find } = yield* KeyStore
      assert.strictEqual((yield* find("h1"))._tag, "Some")
      assert.strictEqual((yield* find("h2"))._tag, "None")
    }).pipe(
      Effect.provide(layerMemoryKeyStore(new Map([["h1", { project_id: "shop", scope: "write", prefix: "mr_w_1" }]])))
    )
  )
})
