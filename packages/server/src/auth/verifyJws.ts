import { Result, Schema } from "effect"
import { compactVerify } from "jose"
import type { KeySet } from "./jwk.ts"

/** Headers as a whole may have 16 KiB. */
const MAX_CHARACTERS = 8_192

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+$/u

/** Could this be a signed token, and no key? */
export const looksSigned = (text: string): boolean => text.length <= MAX_CHARACTERS && COMPACT.test(text)

const Header = Schema.fromJsonString(
  Schema.Struct({
    alg: Schema.String,
    kid: Schema.String,
    typ: Schema.optionalKey(Schema.String),
    crit: Schema.optionalKey(Schema.Unknown),
    b64: Schema.optionalKey(Schema.Unknown)
  })
)
const decodeHeader = Schema.decodeUnknownResult(Header)

const utf8 = new TextDecoder("utf-8", { fatal: true })

export interface VerifiedJws {
  /** In lower case, without `application/`. */
  readonly typ: string | undefined
  readonly payload: Uint8Array
}

/**
 * The payload of a compact JWS that one of the keys has signed; `undefined` for everything else. The token only names the
 * key: how it is used is pinned to the key, keys in the token or at its addresses do not count, and an extension that must
 * be understood is not.
 */
export const verifyJws = async (token: string, keys: KeySet): Promise<VerifiedJws | undefined> => {
  if (!looksSigned(token) || !token.split(".").every(isCanonical)) return undefined
  const header = headerOf(token)
  const pinned = header === undefined ? undefined : keys.get(header.kid)
  if (header === undefined || pinned === undefined || pinned.alg !== header.alg) return undefined
  if (header.crit !== undefined || header.b64 !== undefined) return undefined
  try {
    const { payload } = await compactVerify(token, pinned.key, { algorithms: [pinned.alg] })
    return { payload, typ: header.typ?.toLowerCase().replace(/^application\//u, "") }
  } catch {
    return undefined
  }
}

/** One spelling of the same bytes, so that nobody changes a token and it stays good. */
const isCanonical = (part: string) => Buffer.from(part, "base64url").toString("base64url") === part

const headerOf = (token: string): (typeof Header)["Type"] | undefined => {
  try {
    const header = decodeHeader(utf8.decode(Buffer.from(token.split(".")[0]!, "base64url")))
    return Result.isSuccess(header) ? header.success : undefined
  } catch {
    return undefined
  }
}

/** The claims of a payload; `undefined` for what is not JSON in UTF-8. */
export const claimsOf = ({ payload }: VerifiedJws): unknown => {
  try {
    return JSON.parse(utf8.decode(payload))
  } catch {
    return undefined
  }
}
