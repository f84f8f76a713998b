import { Context, type Effect, Schema } from "effect"

export class LimiterUnavailable extends Schema.TaggedError<LimiterUnavailable>()("LimiterUnavailable", {
  cause: Schema.Defect()
}) {
  readonly retryable = true
}

export class RateLimiterError extends Schema.TaggedError<RateLimiterError>()("RateLimiterError", {
  operation: Schema.Literals(["open", "take"]),
  reason: LimiterUnavailable
}) {
  get retryable(): boolean {
    return this.reason.retryable
  }
}

/** A token bucket. The first use of a key finds it full. */
export interface Bucket {
  readonly key: string
  /** Tokens a full bucket holds; a cost above it is never allowed. */
  readonly capacity: number
  readonly refillPerSecond: number
}

export interface BucketState {
  /** Tokens left after the decision, whole ones. */
  readonly remaining: number
  /**
   * Seconds until the bucket is full again (allowed), or until it holds the cost (refused); 0 where it holds it already.
   */
  readonly resetSeconds: number
}

export interface RateDecision {
  readonly allowed: boolean
  /** Buckets in the order in which they were asked for. */
  readonly buckets: ReadonlyArray<BucketState>
}

/** Token buckets; every instance that shares them sees the same ones. */
export class RateLimiter extends Context.Service<
  RateLimiter,
  {
    /**
     * Takes `cost` tokens from every bucket, or from none of them when one holds too few. A negative cost gives back what
     * was taken before: it is always allowed, and no bucket gets fuller than full.
     */
    readonly take: (buckets: ReadonlyArray<Bucket>, cost: number) => Effect.Effect<RateDecision, RateLimiterError>
  }
>()("@millrace/core/port/RateLimiter") {}
