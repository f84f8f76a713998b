import type { RateLimiter, AccountStoreError } from "@millrace/core"
import { Config, Effect, Layer, Option, Schema } from "effect"
import { type AdapterNotInstalled, BadAdapterChoice } from "../adapters/failures.ts"
import type { Telemetry } from "../http/Telemetry.ts"
import { type KeyPlaces, pepperLayer } from "../keys/stores.ts"
import { MAX_ACCESS_SECONDS } from "./claims.ts"
import { Sessions } from "./Sessions.ts"
import { accountStoreLayer } from "./stores.ts"

/** How people log in; as in the environment. */
export interface AuthOptions {
  readonly keysFile: string | undefined
  readonly accessSeconds: number
  readonly sessionSeconds: number
  readonly accountAtAddressPerHour: number
  readonly accountPerHour: number
  readonly addressPerHour: number
  readonly requestsPerHour: number
  readonly issuer: string | undefined
  readonly issuerAudience: string | undefined
  readonly issuerKeysFile: string | undefined
  readonly issuerRolesClaim: string
}

const DAY_SECONDS = 86_400

export const authDefaults: AuthOptions = {
  keysFile: undefined,
  accessSeconds: 600,
  sessionSeconds: 14 * DAY_SECONDS,
  accountAtAddressPerHour: 10,
  accountPerHour: 100,
  addressPerHour: 100,
  requestsPerHour: 3_600,
  issuer: undefined,
  issuerAudience: undefined,
  issuerKeysFile: undefined,
  issuerRolesClaim: "millrace_roles"
}

const whole = (name: string, minimum: number, maximum: number, fallback: number) =>
  Config.schema(Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum, maximum })), name).pipe(
    Config.withDefault(fallback)
  )

const optional = (name: string): Config.Config<string | undefined> =>
  Config.map(Config.option(Config.NonEmptyString(name)), Option.getOrUndefined)

/** {@link AuthOptions} from the environment. */
export const authConfig: Config.Config<AuthOptions> = Config.all({
  keysFile: optional("MILLRACE_AUTH_KEYS_FILE"),
  accessSeconds: whole("MILLRACE_AUTH_ACCESS_SECONDS", 10, MAX_ACCESS_SECONDS, authDefaults.accessSeconds),
  sessionSeconds: whole("MILLRACE_AUTH_SESSION_SECONDS", 60, 90 * DAY_SECONDS, authDefaults.sessionSeconds),
  accountAtAddressPerHour: whole(
    "MILLRACE_LOGIN_ACCOUNT_AT_ADDRESS_PER_HOUR",
    1,
    1_000_000,
    authDefaults.accountAtAddressPerHour
  ),
  accountPerHour: whole("MILLRACE_LOGIN_ACCOUNT_PER_HOUR", 1, 1_000_000, authDefaults.accountPerHour),
  addressPerHour: whole("MILLRACE_LOGIN_ADDRESS_PER_HOUR", 1, 1_000_000, authDefaults.addressPerHour),
  requestsPerHour: whole("MILLRACE_AUTH_ADDRESS_PER_HOUR", 10, 1_000_000, authDefaults.requestsPerHour),
  issuer: optional("MILLRACE_ISSUER"),
  issuerAudience: optional("MILLRACE_ISSUER_AUDIENCE"),
  issuerKeysFile: optional("MILLRACE_ISSUER_KEYS_FILE"),
  issuerRolesClaim: Config.NonEmptyString("MILLRACE_ISSUER_ROLES_CLAIM").pipe(
    Config.withDefault(authDefaults.issuerRolesClaim)
  )
})

/** All three, or none: a token whose audience nobody checks is one that was meant for somebody else. */
const issuerOf = ({ issuer, issuerAudience, issuerKeysFile, issuerRolesClaim }: AuthOptions) => {
  if (issuer === undefined && issuerAudience === undefined && issuerKeysFile === undefined) return Effect.undefined
  if (issuer === undefined || issuerAudience === undefined || issuerKeysFile === undefined) {
    const [setting] = (
      [
        ["MILLRACE_ISSUER", issuer],
        ["MILLRACE_ISSUER_AUDIENCE", issuerAudience],
        ["MILLRACE_ISSUER_KEYS_FILE", issuerKeysFile]
      ] as const
    ).find(([, value]) => value === undefined)!
    return Effect.fail(new BadAdapterChoice({ setting, rule: "is not set, but the issuer's other settings are" }))
  }
  return Effect.succeed({ issuer, audience: issuerAudience, keysFile: issuerKeysFile, rolesClaim: issuerRolesClaim })
}

const MIN_REFRESHES_PER_HOUR = 120

/** Twice as many as a session needs: a program that refreshes in a loop shall not use up its neighbours' requests. */
const refreshesOf = ({ accessSeconds }: AuthOptions): number =>
  Math.max(MIN_REFRESHES_PER_HOUR, Math.ceil((2 * 3_600) / accessSeconds))

/** Accounts and sessions over the store that the keys have too. */
export const sessionsLayer = (
  auth: AuthOptions,
  places: KeyPlaces,
  trustedProxies: number
): Layer.Layer<Sessions, AdapterNotInstalled | BadAdapterChoice | AccountStoreError, RateLimiter | Telemetry> =>
  Layer.unwrap(
    Effect.map(issuerOf(auth), (issuer) => {
      const { directory, keyPepper } = places
      const refreshesPerHour = refreshesOf(auth)
      const { keysFile: authKeysFile } = auth
      return Sessions.layer({
        ...auth,
        authKeysFile,
        directory,
        keyPepper,
        trustedProxies,
        issuer,
        refreshesPerHour
      })
    })
  ).pipe(Layer.provide([accountStoreLayer(places), pepperLayer(places)]))
