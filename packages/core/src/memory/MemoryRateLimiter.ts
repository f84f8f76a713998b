import { Clock, Effect, Layer } from "effect"
import { RateLimiter } from "../port/RateLimiter.ts"

export interface TokenBucketOptions {
  /** Tokens a full bucket holds. */
  readonly capacity: number
  readonly refillPerSecond: number
  /** Buckets kept; the least recently used is forgotten, which only ever favours its caller. */
  readonly maxKeys: number
}

interface Bucket {
  tokens: number
  /** Clock milliseconds of the last refill. */
  at: number
}

/** Token buckets in this process's memory. */
export const layerMemoryRateLimiter = (options: TokenBucketOptions): Layer.Layer<RateLimiter> =>
  Layer.sync(RateLimiter, () => {
    const buckets = new Map<string, Bucket>()
    const refill = (key: string, now: number): Bucket => {
      const bucket = buckets.get(key) ?? { tokens: options.capacity, at: now }
      bucket.tokens = Math.min(
        options.capacity,
        bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * options.refillPerSecond
      )
      bucket.at = now
      buckets.delete(key)
      buckets.set(key, bucket)
      if (buckets.size > options.maxKeys) buckets.delete(buckets.keys().next().value!)
      return bucket
    }
    return RateLimiter.of({
      take: (key, cost) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const bucket = refill(key, now)
          const allowed = bucket.tokens >= cost
          if (allowed) bucket.tokens -= cost
          const missing = (allowed ? options.capacity : cost) - bucket.tokens
          return { allowed, remaining: Math.floor(bucket.tokens), resetSeconds: missing / options.refillPerSecond }
        })
    })
  })
