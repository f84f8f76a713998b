import { compactVerify, type CompactJWSHeaderParameters } from "jose"
import type { KeySet, PinnedKey } from "./jwk.ts"

/** Headers as a whole may have 16 KiB. */
const MAX_CHARACTERS = 8_192

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+$/u

/** Could this be a signed token, and no key? */
export const looksSigned = (text: string): boolean => text.length <= MAX_CHARACTERS && COMPACT.test(text)

const utf8 = new TextDecoder("utf-8", { fatal: true })

interface VerifiedJws {
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
  try {
    const { payload, protectedHeader } = await compactVerify(token, (header) => keyFor(header, keys))
    return { payload, typ: protectedHeader.typ?.toLowerCase().replace(/^application\//u, "") }
  } catch {
    return undefined
  }
}

/** Throws, as jose asks, where none of the keys may be used: an extension is refused even where jose knows it. */
const keyFor = ({ alg, b64, crit, kid }: CompactJWSHeaderParameters, keys: KeySet): PinnedKey["key"] => {
  const pinned = keys.get(kid ?? "")
  if (pinned === undefined || pinned.alg !== alg || crit !== undefined || b64 !== undefined) throw new Error("no key")
  return pinned.key
}

/** One spelling of the same bytes, so that nobody changes a token and it stays good. */
const isCanonical = (part: string) => Buffer.from(part, "base64url").toString("base64url") === part

/** The claims of a payload; `undefined` for what is not JSON in UTF-8. */
export const claimsOf = ({ payload }: VerifiedJws): unknown => {
  try {
    return JSON.parse(utf8.decode(payload))
  } catch {
    return undefined
  }
}
