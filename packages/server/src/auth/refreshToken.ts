import { createHmac } from "node:crypto"
import { hashApiKey } from "../keys/apiKeyText.ts"
import { digitsFor, isSummed, randomDigits, withSum } from "../keys/secretText.ts"

const PREFIX = "mr_s_"
const FAMILY_BYTES = 16
const SECRET_BYTES = 32
const FAMILY_CHARACTERS = PREFIX.length + digitsFor(FAMILY_BYTES)

/** `mr_s_<22 characters><43 characters><6 characters>`: the family, which all tokens of a session share, 256 random bits, a checksum. */
const TOKEN = /^mr_s_[0-9A-Za-z]{71}$/u

const make = (family: string) => withSum(family + randomDigits(SECRET_BYTES))

export const newRefreshToken = (): string => make(PREFIX + randomDigits(FAMILY_BYTES))

/** The one that takes this one's place. */
export const nextRefreshToken = (token: string): string => make(token.slice(0, FAMILY_CHARACTERS))

/** Could this text have been issued? */
export const isRefreshToken = (text: string): boolean => TOKEN.test(text) && isSummed(text)

/**
 * What the store and an access token call the session. Who knows only this cannot make up a token of the family: so
 * whoever shows one of it that is not the good one had a token once, and it is spent.
 */
export const familyOf = (token: string, pepper: Uint8Array): string =>
  createHmac("sha256", pepper)
    .update(`session ${token.slice(0, FAMILY_CHARACTERS)}`)
    .digest("hex")

export const hashRefreshToken = hashApiKey
