import type { Grant, AccountStore, AccountStoreError } from "@millrace/core"
import { Cache, Clock, Effect, Exit, Option, type Scope } from "effect"
import type { BadAdapterChoice } from "../adapters/failures.ts"
import { type Issuer, issuedClaims, ownClaims } from "./claims.ts"
import { type KeySet, readKeySet, verifyingKeys } from "./jwk.ts"
import type { SigningKeys } from "./signing.ts"
import { claimsOf, verifyJws } from "./verifyJws.ts"
import { watchedFile } from "./watchedFile.ts"

/** Who shows a token. */
export interface Bearer {
  /** Of the account, or the issuer's name for it. */
  readonly id: string
  readonly grants: ReadonlyArray<Grant>
}

export interface IssuerOptions extends Issuer {
  /** An RFC 7517 key set with the issuer's public keys. */
  readonly keysFile: string
}

/** How long this instance goes by what it has read of a session: after that a session that ended is refused everywhere. */
const KNOWN_MILLIS = 5_000
const UNKNOWN_MILLIS = 1_000
const FAILED_MILLIS = 500
const CAPACITY = 10_000

const nowSeconds = Effect.map(Clock.currentTimeMillis, (millis) => Math.floor(millis / 1000))

export interface OwnBearers {
  readonly find: (token: string) => Effect.Effect<Option.Option<Bearer>, AccountStoreError | BadAdapterChoice>
  /** The session has ended here and now. */
  readonly forget: (family: string) => Effect.Effect<void>
}

/**
 * Tokens that we signed. The signature refuses what is not ours without asking anybody; what a true one is good for, the
 * account says, as it is now.
 */
export const ownBearers = Effect.fnUntraced(function* (
  store: AccountStore["Service"],
  keys: Effect.Effect<SigningKeys, BadAdapterChoice>
) {
  const sessions = yield* Cache.makeWith(store.session, {
    capacity: CAPACITY,
    timeToLive: Exit.match({
      onFailure: () => FAILED_MILLIS,
      onSuccess: (found) => (Option.isSome(found) ? KNOWN_MILLIS : UNKNOWN_MILLIS)
    })
  })
  const find = Effect.fnUntraced(function* (token: string) {
    const { verify } = yield* keys
    const jws = yield* Effect.promise(() => verifyJws(token, verify))
    const claims = jws === undefined ? undefined : ownClaims(jws.typ, claimsOf(jws), yield* nowSeconds)
    if (claims === undefined) return Option.none<Bearer>()
    const session = yield* Cache.get(sessions, claims.sid)
    return Option.map(
      Option.filter(session, ({ account }) => account.id === claims.sub),
      ({ account: { grants, id } }): Bearer => ({ id, grants })
    )
  })
  return { find, forget: (family) => Cache.invalidate(sessions, family) } satisfies OwnBearers
})

/** Tokens of an issuer that the operator trusts; what they are good for stands in them. */
export const issuedBearers = (
  options: IssuerOptions
): Effect.Effect<(token: string) => Effect.Effect<Option.Option<Bearer>>, BadAdapterChoice, Scope.Scope> =>
  Effect.map(watchedFile("MILLRACE_ISSUER_KEYS_FILE", options.keysFile, parseKeys), (keys) =>
    Effect.fnUntraced(function* (token: string) {
      const jws = yield* Effect.promise(() => verifyJws(token, keys()))
      const claims = jws === undefined ? undefined : issuedClaims(options, jws.typ, claimsOf(jws), yield* nowSeconds)
      if (claims === undefined) return Option.none<Bearer>()
      return Option.some<Bearer>({ id: `issued:${claims.sub}`, grants: claims.grants })
    })
  )

/** Public keys alone: with a secret one whoever verifies could also sign. */
const parseKeys = async (text: string): Promise<KeySet> =>
  verifyingKeys(readKeySet(text, ["EdDSA", "ES256", "RS256", "PS256"]))
