import { Clock, Effect, Layer } from "effect"
import { type Bucket, type BucketState, type RateDecision, RateLimiter } from "../port/RateLimiter.ts"

export interface MemoryRateLimiterOptions {
  /** Buckets kept; the least recently used is forgotten, which only ever favours its caller. Default 100,000. */
  readonly maxKeys?: number
}

interface Level {
  tokens: number
  /** Clock milliseconds of the last refill. */
  at: number
}

/** Token buckets in this process's memory. */
export const layerMemoryRateLimiter = ({
  maxKeys = 100_000
}: MemoryRateLimiterOptions = {}): Layer.Layer<RateLimiter> =>
  Layer.sync(RateLimiter, () => {
    const levels = new Map<string, Level>()
    const refill = ({ capacity, key, refillPerSecond }: Bucket, now: number): Level => {
      const level = levels.get(key) ?? { tokens: capacity, at: now }
      const elapsedSeconds = Math.max(0, now - level.at) / 1000
      level.tokens = Math.min(capacity, level.tokens + elapsedSeconds * refillPerSecond)
      level.at = Math.max(level.at, now)
      levels.delete(key)
      levels.set(key, level)
      if (levels.size > maxKeys) levels.delete(levels.keys().next().value!)
      return level
    }
    return RateLimiter.of({
      take: (buckets, cost) => Effect.map(Clock.currentTimeMillis, (now) => decide(buckets, cost, now, refill))
    })
  })

const decide = (
  buckets: ReadonlyArray<Bucket>,
  cost: number,
  now: number,
  refill: (bucket: Bucket, now: number) => Level
): RateDecision => {
  const found = buckets.map((bucket) => ({ bucket, level: refill(bucket, now) }))
  const allowed = found.every(({ level }) => level.tokens >= cost)
  if (allowed) for (const { bucket, level } of found) level.tokens = Math.min(bucket.capacity, level.tokens - cost)
  return {
    allowed,
    buckets: found.map(({ bucket, level }): BucketState => {
      const missing = (allowed ? bucket.capacity : cost) - level.tokens
      return { remaining: Math.floor(level.tokens), resetSeconds: Math.max(0, missing) / bucket.refillPerSecond }
    })
  }
}
