import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, type Layer } from "effect"
import { type Bucket, RateLimiter, type RateLimiterError } from "@millrace/core"

export interface RateLimiterContractOptions<E> {
  /**
   * A place for buckets, empty and new for every test: each layer it makes opens the same buckets, as another process
   * would. One whose buckets live in its process may give one layer.
   */
  readonly place: () => Effect.Effect<() => Layer.Layer<RateLimiter, E>>
  readonly shared: boolean
}

type Service = RateLimiter["Service"]
type Body = (first: Service, second: Service) => Effect.Effect<void, RateLimiterError>

/** A bucket so slow that no test sees a token come back unless it waits for one. */
const slow = (key: string, capacity = 10): Bucket => ({ key, capacity, refillPerSecond: 0.01 })
/** A bucket that gets one token in 10 ms. */
const quick = (key: string, capacity = 10): Bucket => ({ key, capacity, refillPerSecond: 100 })

/** The laws of every {@link RateLimiter}. Time is real: nothing here depends on how fast the machine is. */
export const rateLimiterContract = <E>(name: string, options: RateLimiterContractOptions<E>) => {
  const law = (title: string, body: Body) =>
    it.live(title, () =>
      Effect.gen(function* () {
        const layer = yield* options.place()
        const open = <A, E2>(use: (service: Service) => Effect.Effect<A, E2>) =>
          Effect.flatMap(RateLimiter, use).pipe(Effect.provide(layer(), { local: true }))
        yield* open((first) => (options.shared ? open((second) => body(first, second)) : body(first, first)))
      })
    )
  describe(`RateLimiter contract: ${name}`, () => {
    takeLaws(law)
    giveBackLaws(law)
    refillLaws(law)
    concurrencyLaws(law)
  })
}

const takeLaws = (law: (title: string, body: Body) => void) => {
  law("take: allows up to the capacity, then refuses, and a refusal takes nothing", ({ take }) =>
    Effect.gen(function* () {
      const first = yield* take([slow("a")], 8)
      assert.deepStrictEqual([first.allowed, first.buckets[0]?.remaining], [true, 2])
      const refused = yield* take([slow("a")], 3)
      assert.deepStrictEqual([refused.allowed, refused.buckets[0]?.remaining], [false, 2])
      assert.isTrue((yield* take([slow("a")], 2)).allowed)
      assert.isFalse((yield* take([slow("a")], 1)).allowed)
    })
  )
  law("take: says when the bucket is full again, or holds the cost", ({ take }) =>
    Effect.gen(function* () {
      const near = (actual: number | undefined, expected: number) =>
        assert.isTrue(actual !== undefined && actual <= expected && actual > expected - 60, `${actual} for ${expected}`)
      near((yield* take([slow("a")], 8)).buckets[0]?.resetSeconds, 800)
      near((yield* take([slow("a")], 5)).buckets[0]?.resetSeconds, 300)
    })
  )
  law("take: buckets of different keys know nothing of each other", ({ take }) =>
    Effect.gen(function* () {
      yield* take([slow("a")], 10)
      assert.isTrue((yield* take([slow("b")], 10)).allowed)
      assert.isFalse((yield* take([slow("a")], 1)).allowed)
    })
  )
  law("take: of several buckets all give, or none", ({ take }) =>
    Effect.gen(function* () {
      yield* take([slow("b")], 7)
      const refused = yield* take([slow("a"), slow("b")], 5)
      assert.isFalse(refused.allowed)
      assert.deepStrictEqual(
        refused.buckets.map(({ remaining }) => remaining),
        [10, 3]
      )
      assert.strictEqual(refused.buckets[0]?.resetSeconds, 0)
      const taken = yield* take([slow("a"), slow("b")], 3)
      assert.deepStrictEqual(
        taken.buckets.map(({ remaining }) => remaining),
        [7, 0]
      )
    })
  )
  law("take: more than the capacity is never allowed; nothing always is; no buckets, no limit", ({ take }) =>
    Effect.gen(function* () {
      assert.isFalse((yield* take([slow("a")], 11)).allowed)
      yield* take([slow("a")], 10)
      assert.isTrue((yield* take([slow("a")], 0)).allowed)
      assert.deepStrictEqual(yield* take([], 1e9), { allowed: true, buckets: [] })
    })
  )
}

const giveBackLaws = (law: (title: string, body: Body) => void) => {
  law("take: a negative cost gives back what was taken, and nothing beyond the capacity", (first, second) =>
    Effect.gen(function* () {
      yield* first.take([slow("a"), slow("b")], 10)
      const given = yield* second.take([slow("a")], -3)
      assert.deepStrictEqual([given.allowed, given.buckets[0]?.remaining], [true, 3])
      assert.isFalse((yield* first.take([slow("a")], 4)).allowed)
      assert.isTrue((yield* first.take([slow("a")], 3)).allowed)
      assert.isFalse((yield* first.take([slow("b")], 1)).allowed)
      for (const key of ["a", "never taken from"]) {
        assert.strictEqual((yield* first.take([slow(key)], -15)).buckets[0]?.remaining, 10)
        assert.isFalse((yield* first.take([slow(key)], 11)).allowed)
        assert.isTrue((yield* first.take([slow(key)], 10)).allowed)
      }
    })
  )
}

const refillLaws = (law: (title: string, body: Body) => void) => {
  law("refill: tokens come back at the rate, never above the capacity", ({ take }) =>
    Effect.gen(function* () {
      const start = yield* Clock.currentTimeMillis
      let taken = (yield* take([quick("a")], 10)).allowed ? 10 : 0
      // Single tokens, each as soon as it is there.
      while (taken < 40) if ((yield* take([quick("a")], 1)).allowed) taken++
      const elapsedMillis = (yield* Clock.currentTimeMillis) - start
      assert.isAtLeast(elapsedMillis + 1, 300, "30 tokens need 300 ms")
      yield* Effect.sleep(300)
      assert.strictEqual((yield* take([quick("a")], 0)).buckets[0]?.remaining, 10)
    })
  )
}

const concurrencyLaws = (law: (title: string, body: Body) => void) => {
  law("take: of many at once, from several instances, exactly as many succeed as there are tokens", (first, second) =>
    Effect.gen(function* () {
      const one = (index: number) => (index % 2 === 0 ? first : second).take([slow("a", 100), slow("b", 150)], 1)
      const taken = yield* Effect.all(
        Array.from({ length: 400 }, (_, index) => one(index)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(taken.filter(({ allowed }) => allowed).length, 100)
      assert.strictEqual((yield* second.take([slow("b", 150)], 0)).buckets[0]?.remaining, 50)
    })
  )
}
