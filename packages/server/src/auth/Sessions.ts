import { createHmac } from "node:crypto"
import {
  type Account,
  AccountStore,
  type AccountStoreError,
  everyMillis,
  normaliseEmail,
  type RateLimiter,
  type StoredAccount,
  superviseLoop
} from "@millrace/core"
import { Clock, Context, Effect, Layer, Option, type Scope } from "effect"
import type { HttpServerRequest } from "effect/http"
import type { BadAdapterChoice } from "../adapters/failures.ts"
import { type AuthLimits, type AuthPolicy, makeAuthLimits } from "./AuthLimits.ts"
import { type Hasher, makeHasher } from "./password.ts"
import { type Bearer, issuedBearers, type IssuerOptions, type OwnBearers, ownBearers } from "./bearers.ts"
import { signAccess, type SigningKeys, signingKeys, type SigningPlaces } from "./signing.ts"
import { because, CHALLENGE, type Refusal, refusal, retryLater } from "../http/Refusal.ts"
import type { Telemetry } from "../http/Telemetry.ts"
import { hashApiKey } from "../keys/apiKeyText.ts"
import { digitsFor, isSummed, randomDigits, withSum } from "../keys/secretText.ts"
import { KeyPepper } from "../keys/stores.ts"

interface SessionOptions extends AuthPolicy, SigningPlaces {
  /** Of an access token. */
  readonly accessSeconds: number
  /** Of a session, from the login on, however often it is refreshed. */
  readonly sessionSeconds: number
  readonly issuer: IssuerOptions | undefined
}

export interface SessionTokens {
  readonly access_token: string
  readonly expires_in: number
  readonly refresh_token: string
  readonly session_expires_in: number
  readonly account: Account
}

type Request = HttpServerRequest.HttpServerRequest

/** People who look at statistics, and their sessions. */
export class Sessions extends Context.Service<
  Sessions,
  {
    /** Is there, or was there ever, an account or an issuer? Once true it stays true. */
    readonly guards: () => boolean
    /** Whose token it is; none for what is no good token, whatever the reason. */
    readonly bearer: (token: string) => Effect.Effect<Option.Option<Bearer>, Refusal>
    readonly login: (
      request: Request,
      credentials: { readonly email: string; readonly password: string }
    ) => Effect.Effect<SessionTokens, Refusal>
    readonly refresh: (request: Request, token: string) => Effect.Effect<SessionTokens, Refusal>
    /** Also of a token that is none, so that a client can always forget what it has. */
    readonly logout: (request: Request, token: string) => Effect.Effect<void, Refusal>
  }
>()("@millrace/server/Sessions") {
  /** Nobody has an account. */
  static readonly none: Layer.Layer<Sessions> = Layer.sync(Sessions, () => ({
    guards: () => false,
    bearer: () => Effect.succeedNone,
    login: () => Effect.fail(wrong),
    refresh: () => Effect.fail(ended),
    logout: () => Effect.void
  }))

  static readonly layer = (
    options: SessionOptions
  ): Layer.Layer<Sessions, BadAdapterChoice | AccountStoreError, KeyPepper | RateLimiter | Telemetry | AccountStore> =>
    Layer.effect(Sessions, makeSessions(options))
}

const wrong = refusal("invalid_credentials", "Email or password is wrong.", CHALLENGE)
const ended = refusal("session_ended", "This session has ended; log in again.", CHALLENGE)
const busy = retryLater("overloaded", "Too many logins are under way.")
const unavailable = retryLater("users_unavailable", "Accounts cannot be checked at the moment.")

const orUnavailable = <A>(effect: Effect.Effect<A, AccountStoreError | BadAdapterChoice>): Effect.Effect<A, Refusal> =>
  effect.pipe(
    Effect.tapError((error) => Effect.logWarning("accounts cannot be checked", error)),
    Effect.mapError((error) => because(unavailable, error))
  )

interface Parts {
  readonly options: SessionOptions
  readonly store: AccountStore["Service"]
  readonly pepper: Effect.Effect<Uint8Array, BadAdapterChoice>
  readonly keys: Effect.Effect<SigningKeys, BadAdapterChoice>
  readonly limits: AuthLimits
  readonly hasher: Hasher
  readonly own: OwnBearers
}

const makeSessions = Effect.fnUntraced(function* (options: SessionOptions) {
  const store = yield* AccountStore
  const { get: pepper } = yield* KeyPepper
  const keys = yield* signingKeys(options)
  const own = yield* ownBearers(store, keys)
  const issued = options.issuer === undefined ? undefined : yield* issuedBearers(options.issuer)
  const limits = yield* makeAuthLimits(options)
  const parts: Parts = { options, store, pepper, keys, limits, hasher: makeHasher(), own }
  return Sessions.of({
    guards: yield* guards(store, issued !== undefined),
    // Each by its own keys and rules alone: what one refuses the other may know.
    bearer: (token) =>
      Effect.flatMap(orUnavailable(own.find(token)), (found) =>
        Option.isSome(found) || issued === undefined ? Effect.succeed(found) : issued(token)
      ),
    login: login(parts),
    refresh: refresh(parts),
    logout: logout(parts)
  })
})

const LOOK_EVERY_MILLIS = 5_000

/** A first account that is made while the server runs closes it to others within seconds. */
const guards = Effect.fnUntraced(function* (
  store: AccountStore["Service"],
  issuer: boolean
): Effect.fn.Return<() => boolean, AccountStoreError, Scope.Scope> {
  let guarded = issuer
  const look = Effect.map(store.list(), (found) => {
    guarded ||= found.length > 0
  })
  yield* look
  const lookAgain = Effect.suspend(() => (guarded ? Effect.undefined : Effect.as(look, LOOK_EVERY_MILLIS)))
  yield* superviseLoop(everyMillis("first-account", LOOK_EVERY_MILLIS), lookAgain)
  return () => guarded
})

/** The same work and the same answer for a wrong password, a disabled account, and one that is not there. */
const login = (parts: Parts): Sessions["Service"]["login"] =>
  Effect.fnUntraced(function* (request, { email, password }) {
    const { limits, options, pepper, store } = parts
    const address = normaliseEmail(email)
    const account = yield* limits.login(request, address ?? email, checkPassword(parts, address, password))
    if (account === undefined) return yield* Effect.fail(wrong)
    const token = newRefreshToken()
    const secret = yield* orUnavailable(pepper)
    const family = familyOf(token, secret)
    const expires_at = ((yield* Clock.currentTimeMillis) + options.sessionSeconds * 1000) * 1000
    const { generation, id: user_id } = account
    const session = { family, hash: hashRefreshToken(token, secret), user_id, generation, expires_at }
    yield* orUnavailable(store.openSession(session))
    return yield* tokensOf(parts, { account, expires_at }, family, token)
  })

const checkPassword = Effect.fnUntraced(function* (parts: Parts, address: string | undefined, password: string) {
  const { hasher, store } = parts
  const account = address === undefined ? undefined : Option.getOrUndefined(yield* orUnavailable(store.find(address)))
  const { right, stale } = yield* Effect.mapError(hasher.check(password, account?.password), () => busy)
  if (account === undefined || account.disabled || !right) return undefined
  if (stale) yield* renew(parts, account, password)
  return account
})

/** With today's costs. The login is good whether it succeeds or not. */
const renew = ({ hasher, store }: Parts, { id, password: from }: StoredAccount, password: string) =>
  Effect.ignoreCause(
    Effect.flatMap(hasher.hash(password), (to) => store.rehash(id, from, to)),
    { log: "Warn", message: "a password could not be hashed anew" }
  )

const refresh = (parts: Parts): Sessions["Service"]["refresh"] =>
  Effect.fnUntraced(function* (request, token) {
    const { own, pepper, store } = parts
    const family = yield* familyAt(parts, request, token)
    if (family === undefined) return yield* Effect.fail(ended)
    const session = yield* orUnavailable(store.session(family))
    if (Option.isNone(session)) return yield* Effect.fail(ended)
    const secret = yield* orUnavailable(pepper)
    const next = nextRefreshToken(token)
    const turn = store.rotate(family, hashRefreshToken(token, secret), hashRefreshToken(next, secret))
    const rotation = yield* orUnavailable(turn)
    if (rotation === "rotated") return yield* tokensOf(parts, session.value, family, next)
    yield* own.forget(family)
    if (rotation === "reused") yield* Effect.logWarning("a spent refresh token was shown: its session is over")
    return yield* Effect.fail(ended)
  })

const logout = (parts: Parts): Sessions["Service"]["logout"] =>
  Effect.fnUntraced(function* (request, token) {
    const family = yield* familyAt(parts, request, token)
    if (family === undefined) return
    yield* orUnavailable(parts.store.endSession(family))
    yield* parts.own.forget(family)
  })

/** Counted, whatever the token; undefined: it is none. */
const familyAt = Effect.fnUntraced(function* ({ limits, pepper }: Parts, request: Request, token: string) {
  const family = isRefreshToken(token) ? familyOf(token, yield* orUnavailable(pepper)) : undefined
  yield* limits.session(request, family)
  return family
})

const tokensOf = Effect.fnUntraced(function* (
  { keys, options }: Parts,
  { expires_at, account: { email, grants, id } }: { readonly account: Account; readonly expires_at: number },
  sid: string,
  refresh_token: string
) {
  const { sign } = yield* orUnavailable(keys)
  const iat = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const session_expires_in = Math.max(0, Math.floor(expires_at / 1e6) - iat)
  const expires_in = Math.min(options.accessSeconds, session_expires_in)
  const access_token = yield* Effect.promise(() => signAccess(sign, { sub: id, sid, iat, exp: iat + expires_in }))
  const tokens: SessionTokens = {
    access_token,
    expires_in,
    refresh_token,
    session_expires_in,
    account: { id, email, grants }
  }
  return tokens
})

const PREFIX = "mr_s_"
const FAMILY_BYTES = 16
const SECRET_BYTES = 32
const FAMILY_CHARACTERS = PREFIX.length + digitsFor(FAMILY_BYTES)

/**
 * `mr_s_<22 characters><43 characters><6 characters>`: the family, which all tokens of a session share, 256 random
 * bits, a checksum.
 */
const TOKEN = /^mr_s_[0-9A-Za-z]{71}$/u

const make = (family: string) => withSum(family + randomDigits(SECRET_BYTES))

const newRefreshToken = (): string => make(PREFIX + randomDigits(FAMILY_BYTES))

/** The one that takes this one's place. */
const nextRefreshToken = (token: string): string => make(token.slice(0, FAMILY_CHARACTERS))

/** Could this text have been issued? */
const isRefreshToken = (text: string): boolean => TOKEN.test(text) && isSummed(text)

/**
 * What the store and an access token call the session. Who knows only this cannot make up a token of the family: so
 * whoever shows one of it that is not the good one had a token once, and it is spent.
 */
const familyOf = (token: string, pepper: Uint8Array): string =>
  createHmac("sha256", pepper)
    .update(`session ${token.slice(0, FAMILY_CHARACTERS)}`)
    .digest("hex")

const hashRefreshToken = hashApiKey
