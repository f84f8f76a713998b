import { Effect, Redacted, type Scope } from "effect"
import { SignJWT } from "jose"
import { createHash, hkdfSync } from "node:crypto"
import { join } from "node:path"
import type { BadAdapterChoice } from "../adapters/failures.ts"
import { configuredPepper, secretFile } from "../keys/pepper.ts"
import { AUDIENCE, ISSUER, type OwnClaims, TOKEN_TYPE } from "./claims.ts"
import { type KeySet, readKeySet, type SigningKey, signingKey, verifyingKeys } from "./jwk.ts"
import { watchedFile } from "./watchedFile.ts"

/** All verify, the first signs. */
export interface SigningKeys {
  readonly sign: SigningKey
  readonly verify: KeySet
}

export interface SigningPlaces {
  readonly directory: string
  readonly keyPepper?: Redacted.Redacted | undefined
  /** An RFC 7517 key set with private keys. */
  readonly authKeysFile?: string | undefined
}

type Keys = Effect.Effect<SigningKeys, BadAdapterChoice>

const SETTING = "MILLRACE_AUTH_KEYS_FILE"

/**
 * The keys of the configured file, as it is now. Without one: out of the configured pepper, so that instances that share
 * API keys take each other's sessions; else a secret of its own beside the pepper's file, made by whoever asks first.
 */
export const signingKeys = ({
  authKeysFile,
  directory,
  keyPepper
}: SigningPlaces): Effect.Effect<Keys, BadAdapterChoice, Scope.Scope> => {
  if (authKeysFile !== undefined) {
    return Effect.map(watchedFile(SETTING, authKeysFile, parseKeys), (current) => Effect.sync(current))
  }
  if (keyPepper !== undefined)
    return Effect.map(configuredPepper(keyPepper), (pepper) => Effect.succeed(fromPepper(pepper)))
  return Effect.succeed(Effect.map(secretFile(join(directory, "keys", "session-key"), SETTING), keysOf))
}

const parseKeys = async (text: string): Promise<SigningKeys> => {
  const jwks = readKeySet(text, ["EdDSA", "HS256"])
  return { sign: await signingKey(jwks), verify: await verifyingKeys(jwks) }
}

const SECRET_BYTES = 32

const fromPepper = (pepper: Uint8Array): SigningKeys =>
  keysOf(new Uint8Array(hkdfSync("sha256", pepper, "", "millrace access tokens", SECRET_BYTES)))

/** One HS256 key, named by its hash. */
const keysOf = (secret: Uint8Array): SigningKeys => {
  const kid = createHash("sha256").update("kid").update(secret).digest("hex").slice(0, 16)
  const sign: SigningKey = { kid, alg: "HS256", key: secret }
  return { sign, verify: new Map([[kid, sign]]) }
}

/** An access token of a session. */
export const signAccess = (
  { alg, key, kid }: SigningKey,
  { exp, iat, sid, sub }: Pick<OwnClaims, "sub" | "sid" | "iat" | "exp">
): Promise<string> =>
  new SignJWT({ sid })
    .setProtectedHeader({ alg, kid, typ: TOKEN_TYPE })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(sub)
    .setIssuedAt(iat)
    .setNotBefore(iat)
    .setExpirationTime(exp)
    .sign(key)
