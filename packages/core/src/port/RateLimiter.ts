import { Context, type Effect, Schema } from "effect"

export class LimiterUnavailable extends Schema.TaggedError<LimiterUnavailable>()("LimiterUnavailable", {
  cause: Schema.Defect()
}) {
  readonly retryable = true
}

export class RateLimiterError extends Schema.TaggedError<RateLimiterError>()("RateLimiterError", {
  operation: Schema.Literals(["take"]),
  reason: LimiterUnavailable
}) {
  get retryable(): boolean {
    return this.reason.retryable
  }
}

export interface RateDecision {
  readonly allowed: boolean
  /** Whole tokens left after this decision. */
  readonly remaining: number
  /** Until the bucket is full again (allowed), or until `cost` tokens are there (refused). */
  readonly resetSeconds: number
}

/** A token bucket per key. */
export class RateLimiter extends Context.Service<
  RateLimiter,
  {
    readonly take: (key: string, cost: number) => Effect.Effect<RateDecision, RateLimiterError>
  }
>()("@millrace/core/port/RateLimiter") {}
