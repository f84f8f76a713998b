import { type Bucket, LimiterUnavailable, type RateDecision, RateLimiter, RateLimiterError } from "@millrace/core"
import { Clock, Effect, Layer } from "effect"
import { connect, type Connection } from "./client.ts"
import { defaults, type RedisOptions, type Settings } from "./config.ts"

/**
 * Token buckets in Redis, exact over all instances that share it.
 *
 * A server that cannot be reached makes `take` fail, at once or within `commandTimeoutMillis`; what a request does then
 * is the caller's to decide. It opens without a server too: a limiter must not keep events from being accepted.
 */
export const limiter = (options: RedisOptions): Layer.Layer<RateLimiter> =>
  Layer.effect(
    RateLimiter,
    Effect.suspend(() => {
      const settings: Settings = { ...defaults, ...options }
      return Effect.map(connect(settings), (connection) => makeLimiter(connection, settings))
    })
  )

const makeLimiter = (connection: Connection, { cooldownMillis, name }: Settings): RateLimiter["Service"] => {
  let closedUntil = 0
  return {
    take: Effect.fnUntraced(function* (buckets, cost) {
      if (buckets.length === 0) return { allowed: true, buckets: [] }
      const now = yield* Clock.currentTimeMillis
      // A server that stopped answering would hold every request for the whole time-out.
      if (now < closedUntil) return yield* failed("the server did not answer a moment ago")
      return yield* Effect.tapError(ask(connection, name, buckets, cost), () =>
        Effect.map(Clock.currentTimeMillis, (later) => {
          closedUntil = later + cooldownMillis
        })
      )
    })
  }
}

const ask = (connection: Connection, name: string, buckets: ReadonlyArray<Bucket>, cost: number) =>
  Effect.tryPromise({
    try: async () => {
      const keys = buckets.map(({ key }) => `${name}:limit:${key}`)
      const args = [cost, ...buckets.flatMap(({ capacity, refillPerSecond }) => [capacity, refillPerSecond])]
      return decisionOf(await connection.take(keys, args), buckets.length)
    },
    catch: (cause) => unavailable(cause)
  })

const decisionOf = ([allowed, ...levels]: ReadonlyArray<unknown>, count: number): RateDecision => {
  const numbers = levels.map(Number)
  if (numbers.length !== 2 * count || !numbers.every(Number.isFinite)) throw new Error("an answer that is none")
  return {
    allowed: Number(allowed) === 1,
    buckets: Array.from({ length: count }, (_, index) => ({
      remaining: Math.floor(numbers[2 * index]!),
      resetSeconds: numbers[2 * index + 1]!
    }))
  }
}

const unavailable = (cause: unknown) =>
  new RateLimiterError({ operation: "take", reason: new LimiterUnavailable({ cause }) })

const failed = (message: string) => Effect.fail(unavailable(new Error(message)))
