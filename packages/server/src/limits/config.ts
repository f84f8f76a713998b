import { MAX_EVENTS_PER_REQUEST, type RateLimiter } from "@millrace/core"
import { layerMemoryRateLimiter } from "@millrace/core/memory"
import { Config, Layer, type Redacted, Schema } from "effect"
import { redisAddress } from "../adapters/addresses.ts"
import type { AdapterNotInstalled, BadAdapterChoice } from "../adapters/failures.ts"
import { at, lazyAdapter } from "../adapters/lazyAdapter.ts"
import type { Telemetry } from "../http/Telemetry.ts"
import { type LimitPolicy, Limits } from "./Limits.ts"

interface LimiterPlaces {
  readonly redisUrl?: Redacted.Redacted | undefined
  /** Of the keys on that server. */
  readonly redisName?: string | undefined
  /** For one answer from there; after that the request is decided without. */
  readonly timeoutMillis: number
}

/** By the name in `MILLRACE_LIMITER`. */
const limiters = {
  memory: () => layerMemoryRateLimiter(),
  redis: ({ redisName, redisUrl, timeoutMillis }) =>
    lazyAdapter(
      "@millrace/redis",
      () => import("@millrace/redis"),
      (it) =>
        at(redisAddress(redisName), redisUrl, (address) =>
          it.Redis.limiter({ ...address, commandTimeoutMillis: timeoutMillis })
        )
    )
} as const satisfies Record<
  string,
  (places: LimiterPlaces) => Layer.Layer<RateLimiter, AdapterNotInstalled | BadAdapterChoice>
>

type LimiterName = keyof typeof limiters
export const limiterNames = ["memory", "redis"] as const satisfies ReadonlyArray<LimiterName>

export interface LimitOptions extends LimiterPlaces, LimitPolicy {
  readonly limiter: LimiterName
}

export const limitDefaults: LimitOptions = {
  limiter: "memory",
  timeoutMillis: 250,
  perKey: 0,
  perAddress: 0,
  burst: 10_000,
  whenDown: "open",
  trustedProxies: 0
}

type LimiterLayer = Layer.Layer<RateLimiter, AdapterNotInstalled | BadAdapterChoice>

/** The buckets, by the name in `MILLRACE_LIMITER`. */
export const limiterLayer = (options: LimitOptions): LimiterLayer =>
  Layer.suspend((): LimiterLayer => limiters[options.limiter](options))

/** The quotas that are configured; none at all by default. */
export const limitsLayer = (
  options: LimitOptions,
  limiter: LimiterLayer
): Layer.Layer<Limits, AdapterNotInstalled | BadAdapterChoice, Telemetry> =>
  options.perKey === 0 && options.perAddress === 0 ? Limits.none : Limits.layer(options).pipe(Layer.provide(limiter))

const MAX_EVENTS = 1_000_000_000
const MAX_PROXIES = 16

const whole = (name: string, minimum: number, maximum: number, fallback: number) =>
  Config.schema(Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum, maximum })), name).pipe(
    Config.withDefault(fallback)
  )

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  config.pipe(
    Config.map((value): A | undefined => value),
    Config.withDefault(undefined)
  )

/** {@link LimitOptions} from the environment. */
export const limitConfig: Config.Config<LimitOptions> = Config.all({
  limiter: Config.Literals(limiterNames, "MILLRACE_LIMITER").pipe(Config.withDefault(limitDefaults.limiter)),
  redisUrl: optional(Config.Redacted("MILLRACE_REDIS_URL")),
  redisName: optional(Config.String("MILLRACE_REDIS_NAME")),
  timeoutMillis: whole("MILLRACE_LIMIT_TIMEOUT_MILLIS", 10, 60_000, limitDefaults.timeoutMillis),
  perKey: whole("MILLRACE_LIMIT_KEY_EVENTS_PER_SECOND", 0, MAX_EVENTS, limitDefaults.perKey),
  perAddress: whole("MILLRACE_LIMIT_ADDRESS_EVENTS_PER_SECOND", 0, MAX_EVENTS, limitDefaults.perAddress),
  // Below this the largest batch could never be sent.
  burst: whole("MILLRACE_LIMIT_BURST_EVENTS", MAX_EVENTS_PER_REQUEST, MAX_EVENTS, limitDefaults.burst),
  whenDown: Config.Literals(["open", "closed"], "MILLRACE_LIMIT_WHEN_DOWN").pipe(
    Config.withDefault(limitDefaults.whenDown)
  ),
  trustedProxies: whole("MILLRACE_TRUSTED_PROXIES", 0, MAX_PROXIES, limitDefaults.trustedProxies)
})
