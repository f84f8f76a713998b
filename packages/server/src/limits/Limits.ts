import { type RateDecision, RateLimiter } from "@millrace/core"
import { Clock, Context, Effect, Layer } from "effect"
import type { HttpServerRequest } from "effect/http"
import type { Caller } from "../http/Caller.ts"
import { clientAddress, networkOf } from "../http/clientAddress.ts"
import { because, type Refusal, refusal, retryLater } from "../http/Refusal.ts"
import { Telemetry } from "../http/Telemetry.ts"
import { emptyOf, type Limit as AnyLimit, quotaHeaders, type QuotaHeaders, secondsUntil } from "./quota.ts"

export interface LimitPolicy {
  /** Events per second; 0: no limit. */
  readonly perKey: number
  readonly perAddress: number
  /** Events that a bucket holds: what may come at once after a pause. */
  readonly burst: number
  /** When the limiter does not answer: `open` takes the events unlimited, `closed` refuses them. */
  readonly whenDown: "open" | "closed"
  readonly trustedProxies: number
}

type Request = HttpServerRequest.HttpServerRequest

/** How many events whoever sends them may send. */
export class Limits extends Context.Service<
  Limits,
  {
    /** Takes the events from the sender's quota; the headers say what is left. */
    readonly charge: (request: Request, caller: Caller, events: number) => Effect.Effect<QuotaHeaders, Refusal>
  }
>()("@millrace/server/Limits") {
  static readonly none: Layer.Layer<Limits> = Layer.succeed(Limits, { charge: () => Effect.succeed(NO_HEADERS) })

  static readonly layer = (policy: LimitPolicy): Layer.Layer<Limits, never, RateLimiter | Telemetry> =>
    Layer.effect(
      Limits,
      Effect.gen(function* () {
        return makeLimits(policy, yield* RateLimiter, yield* Telemetry)
      })
    )
}

const NO_HEADERS: QuotaHeaders = {}

type Limit = AnyLimit<"key" | "address">

const makeLimits = (
  policy: LimitPolicy,
  limiter: RateLimiter["Service"],
  telemetry: Telemetry["Service"]
): Limits["Service"] => {
  const fallback = whenDown(policy, telemetry)
  return {
    charge: (request, caller, events) => {
      const limits = limitsOf(policy, request, caller)
      if (limits.length === 0) return Effect.succeed(NO_HEADERS)
      return Effect.matchEffect(limiter.take(limits, events), {
        onFailure: fallback,
        onSuccess: (decision) =>
          decision.allowed
            ? Effect.succeed(quotaHeaders(limits, decision))
            : refuse(limits, decision, events, telemetry)
      })
    }
  }
}

const limitsOf = (policy: LimitPolicy, request: Request, caller: Caller): ReadonlyArray<Limit> => {
  const limits: Array<Limit> = []
  const add = (scope: Limit["scope"], key: string, refillPerSecond: number) =>
    limits.push({ scope, key: `${scope}:${key}`, capacity: policy.burst, refillPerSecond })
  if (policy.perKey > 0) add("key", caller.id, policy.perKey)
  const address = policy.perAddress > 0 ? clientAddress(request, policy.trustedProxies) : undefined
  if (address !== undefined) add("address", networkOf(address), policy.perAddress)
  return limits
}

const refuse = (
  limits: ReadonlyArray<Limit>,
  decision: RateDecision,
  events: number,
  telemetry: Telemetry["Service"]
) => {
  const empty = emptyOf(limits, decision)
  for (const { scope } of empty) telemetry.limited(scope)
  const seconds = secondsUntil(decision)
  const scopes = empty.map(({ scope }) => scope).join(" and this ")
  return Effect.fail(
    refusal("rate_limited", `${events} events are more than this ${scopes} may send now; come back in ${seconds} s.`, {
      headers: { ...quotaHeaders(limits, decision), "retry-after": String(seconds) }
    })
  )
}

const unchecked = retryLater("limiter_unavailable", "Quotas cannot be checked at the moment.")
const LOG_EVERY_MILLIS = 10_000

const whenDown = (policy: LimitPolicy, telemetry: Telemetry["Service"]) => {
  let quietUntil = 0
  return Effect.fnUntraced(function* (error: unknown) {
    telemetry.limited("unavailable")
    const now = yield* Clock.currentTimeMillis
    if (now >= quietUntil) {
      quietUntil = now + LOG_EVERY_MILLIS
      yield* Effect.logWarning(`the rate limiter does not answer: failing ${policy.whenDown}`, error)
    }
    if (policy.whenDown === "open") return NO_HEADERS
    return yield* Effect.fail(because(unchecked, error))
  })
}
