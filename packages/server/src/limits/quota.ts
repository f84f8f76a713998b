import type { Bucket, RateDecision } from "@millrace/core"

export type QuotaHeaders = Readonly<Record<string, string>>

/** A bucket, and what a client is told it is. */
export interface Limit<Scope extends string = string> extends Bucket {
  readonly scope: Scope
}

/** Structured fields, of each limit by its scope: `"key";q=10000;w=10` and `"key";r=9900;t=1`. */
export const quotaHeaders = (limits: ReadonlyArray<Limit>, { buckets }: RateDecision): QuotaHeaders => ({
  "ratelimit-policy": limits
    .map(
      ({ capacity, refillPerSecond, scope }) => `"${scope}";q=${capacity};w=${Math.ceil(capacity / refillPerSecond)}`
    )
    .join(", "),
  ratelimit: limits
    .map(({ scope }, at) => `"${scope}";r=${buckets[at]!.remaining};t=${Math.ceil(buckets[at]!.resetSeconds)}`)
    .join(", ")
})

/** Limits that held too little, of a refusal. */
export const emptyOf = <A extends Limit>(limits: ReadonlyArray<A>, { buckets }: RateDecision): ReadonlyArray<A> =>
  limits.filter((_, at) => buckets[at]!.resetSeconds > 0)

/** Seconds, whole ones, until all limits of a refusal hold enough. */
export const secondsUntil = ({ buckets }: RateDecision): number =>
  Math.max(1, Math.ceil(Math.max(...buckets.map(({ resetSeconds }) => resetSeconds))))
