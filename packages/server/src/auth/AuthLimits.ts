import { type RateDecision, RateLimiter } from "@millrace/core"
import { layerMemoryRateLimiter } from "@millrace/core/memory"
import { Context, Effect, Layer, type Scope } from "effect"
import type { HttpServerRequest } from "effect/http"
import { createHash } from "node:crypto"
import { clientAddress, networkOf } from "../http/clientAddress.ts"
import { type Refusal, refusal } from "../http/Refusal.ts"
import { Telemetry } from "../http/Telemetry.ts"
import { emptyOf, type Limit, quotaHeaders, secondsUntil } from "../limits/quota.ts"

/** Of each: as many at once, and as many again in an hour. */
export interface AuthPolicy {
  /** Failed logins to one account from one client address. */
  readonly accountAtAddressPerHour: number
  /** Failed logins to one account, wherever they come from; also logins to it that succeed. */
  readonly accountPerHour: number
  /** Failed logins from one client address, whatever the accounts. */
  readonly addressPerHour: number
  /** Requests to `/auth/…` from one client address, whatever comes of them. */
  readonly requestsPerHour: number
  /** Refreshes of one session. */
  readonly refreshesPerHour: number
  readonly trustedProxies: number
}

type Request = HttpServerRequest.HttpServerRequest

export interface AuthLimits {
  /**
   * Runs the check of a password, unless too many have failed; none: it is wrong. An attempt is counted before it is
   * judged and given back unless it was wrong, so that many at once are no more than the limit, and right ones are free.
   * Whether there is such an account makes no difference.
   */
  readonly login: <A>(
    request: Request,
    account: string,
    check: Effect.Effect<A | undefined, Refusal>
  ) => Effect.Effect<A | undefined, Refusal>
  /** A refresh or a logout; of a session where the token could be one. */
  readonly session: (request: Request, family: string | undefined) => Effect.Effect<void, Refusal>
}

export const makeAuthLimits = Effect.fnUntraced(function* (
  policy: AuthPolicy
): Effect.fn.Return<AuthLimits, never, RateLimiter | Telemetry | Scope.Scope> {
  const take = taker(yield* RateLimiter, yield* ownBuckets)
  const telemetry = yield* Telemetry
  return {
    login: (request, account, check) =>
      Effect.gen(function* () {
        const limits = loginLimits(policy, request, account)
        const attempt = yield* admit(take, limits)
        if (!attempt.decision.allowed) return yield* refuseLogin(attempt, telemetry)
        const found = yield* Effect.tapError(check, () => attempt.giveBack)
        if (found === undefined) return undefined
        yield* attempt.giveBack
        const opened = yield* take([limits.successes])
        if (!opened.decision.allowed) return yield* refuseLogin(opened, telemetry)
        yield* take([limits.known], KNOWN_DAYS)
        return found
      }),
    session: Effect.fnUntraced(function* (request, family) {
      const taken = yield* take(sessionLimits(policy, request, family))
      if (taken.decision.allowed) return
      telemetry.limited("session")
      yield* refuse("rate_limited", "Too many requests about sessions", taken)
    })
  }
})

/** While the shared limiter is away each instance counts for itself: guessing must not become free. */
const ownBuckets = Effect.map(Layer.build(Layer.fresh(layerMemoryRateLimiter())), (built) =>
  Context.get(built, RateLimiter)
)

interface Taken {
  readonly limits: ReadonlyArray<Limit>
  readonly decision: RateDecision
  /** To where it came from, but for the count of requests; what cannot be given back stays counted. */
  readonly giveBack: Effect.Effect<void>
}

type Take = (limits: ReadonlyArray<Limit>, cost?: number) => Effect.Effect<Taken>

const taker = (shared: RateLimiter["Service"], own: RateLimiter["Service"]): Take => {
  const from = (limiter: RateLimiter["Service"], limits: ReadonlyArray<Limit>, cost: number) =>
    Effect.map(limiter.take(limits, cost), (decision): Taken => {
      const returned = limits.filter(({ scope }) => scope !== REQUESTS)
      return { limits, decision, giveBack: Effect.ignore(Effect.suspend(() => limiter.take(returned, -cost))) }
    })
  return (limits, cost = 1) => Effect.catch(from(shared, limits, cost), () => Effect.orDie(from(own, limits, cost)))
}

/** The account's own limit, which anybody anywhere can use up, does not keep out who has logged in from there before. */
const admit = Effect.fnUntraced(function* (take: Take, { account, here, known }: LoginLimits) {
  const attempt = yield* take([...here, account])
  if (attempt.decision.allowed || emptyOf(attempt.limits, attempt.decision).some((limit) => limit !== account)) {
    return attempt
  }
  const { decision } = yield* take([known], 0)
  return decision.buckets[0]!.remaining < known.capacity ? yield* take(here) : attempt
})

const refuseLogin = (taken: Taken, telemetry: Telemetry["Service"]) => {
  telemetry.limited("login")
  return refuse("too_many_logins", "Too many attempts", taken)
}

const refuse = (code: "too_many_logins" | "rate_limited", what: string, { decision, limits }: Taken) => {
  const seconds = secondsUntil(decision)
  return Effect.fail(
    refusal(code, `${what}; come back in ${seconds} s.`, {
      headers: { ...quotaHeaders(limits, decision), "retry-after": String(seconds) }
    })
  )
}

const REQUESTS = "requests"

interface LoginLimits {
  /** All that concern the client's address. */
  readonly here: ReadonlyArray<Limit>
  readonly account: Limit
  readonly successes: Limit
  /** Not full: a login to the account from here succeeded. */
  readonly known: Limit
}

/** From a success on an address is known for so long at least, and for twice that at most. */
const KNOWN_DAYS = 30

const loginLimits = (policy: AuthPolicy, request: Request, text: string): LoginLimits => {
  // The limiter may be a server of its own, where addresses of people have no business.
  const account = createHash("sha256").update(text).digest("hex")
  const network = networkAt(policy, request)
  const place = `${account}:${network ?? ""}`
  const fromHere = network === undefined ? [] : [limit("address", `login:address:${network}`, policy.addressPerHour)]
  return {
    here: [
      ...requestLimits(policy, network),
      ...fromHere,
      limit("account-here", `login:here:${place}`, policy.accountAtAddressPerHour)
    ],
    account: limit("account", `login:account:${account}`, policy.accountPerHour),
    successes: limit("logins", `login:opened:${account}`, policy.accountPerHour),
    known: {
      scope: "known",
      key: `login:known:${place}`,
      capacity: 2 * KNOWN_DAYS,
      refillPerSecond: 1 / (24 * HOUR_SECONDS)
    }
  }
}

const sessionLimits = (policy: AuthPolicy, request: Request, family: string | undefined): ReadonlyArray<Limit> => [
  ...requestLimits(policy, networkAt(policy, request)),
  ...(family === undefined ? [] : [limit("session", `session:${family}`, policy.refreshesPerHour)])
]

const networkAt = ({ trustedProxies }: AuthPolicy, request: Request): string | undefined => {
  const address = clientAddress(request, trustedProxies)
  return address === undefined ? undefined : networkOf(address)
}

const requestLimits = ({ requestsPerHour }: AuthPolicy, network: string | undefined): ReadonlyArray<Limit> =>
  network === undefined ? [] : [limit(REQUESTS, `auth:address:${network}`, requestsPerHour)]

const HOUR_SECONDS = 3_600

const limit = (scope: string, key: string, perHour: number): Limit => ({
  scope,
  key,
  capacity: perHour,
  refillPerSecond: perHour / HOUR_SECONDS
})
