import { type Bucket, RateLimiter } from "@millrace/core"
import { layerMemoryRateLimiter } from "@millrace/core/memory"
import { Context, Effect, Layer, type Scope } from "effect"
import type { HttpServerRequest } from "effect/http"
import { createHash } from "node:crypto"
import { clientAddress, networkOf } from "../http/clientAddress.ts"
import { type Refusal, refusal } from "../http/Refusal.ts"
import { Telemetry } from "../http/Telemetry.ts"

export interface LoginPolicy {
  /** Attempts on one account, right or wrong: as many at once, and as many again in an hour. */
  readonly accountPerHour: number
  /** The same from one client address. */
  readonly addressPerHour: number
  readonly trustedProxies: number
}

const HOUR_SECONDS = 3_600

/** Takes one attempt of the account's and the address's, or refuses; whether there is such an account makes no difference. */
export type TakeLogin = (request: HttpServerRequest.HttpServerRequest, account: string) => Effect.Effect<void, Refusal>

export const loginLimits = Effect.fnUntraced(function* (
  policy: LoginPolicy
): Effect.fn.Return<TakeLogin, never, RateLimiter | Telemetry | Scope.Scope> {
  const limiter = yield* RateLimiter
  const telemetry = yield* Telemetry
  // While the shared limiter is away each instance counts for itself: guessing must not become free.
  const own = Context.get(yield* Layer.build(Layer.fresh(layerMemoryRateLimiter())), RateLimiter)
  return Effect.fnUntraced(function* (request, account) {
    const buckets = bucketsOf(policy, request, account)
    const decision = yield* Effect.catch(limiter.take(buckets, 1), () => Effect.orDie(own.take(buckets, 1)))
    if (decision.allowed) return
    telemetry.limited("login")
    const seconds = Math.max(1, Math.ceil(Math.max(...decision.buckets.map(({ resetSeconds }) => resetSeconds))))
    return yield* Effect.fail(
      refusal("too_many_logins", `Too many attempts; come back in ${seconds} s.`, {
        headers: { "retry-after": String(seconds) }
      })
    )
  })
})

const bucketsOf = (
  { accountPerHour, addressPerHour, trustedProxies }: LoginPolicy,
  request: HttpServerRequest.HttpServerRequest,
  account: string
): ReadonlyArray<Bucket> => {
  // The limiter may be a server of its own, where addresses of people have no business.
  const name = createHash("sha256").update(account).digest("hex")
  const address = clientAddress(request, trustedProxies)
  return [
    bucket(`login:account:${name}`, accountPerHour),
    ...(address === undefined ? [] : [bucket(`login:address:${networkOf(address)}`, addressPerHour)])
  ]
}

const bucket = (key: string, perHour: number): Bucket => ({
  key,
  capacity: perHour,
  refillPerSecond: perHour / HOUR_SECONDS
})
