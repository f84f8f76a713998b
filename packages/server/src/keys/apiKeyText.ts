import type { KeyScope } from "@millrace/core"
import { createHmac } from "node:crypto"
import { isSummed, randomDigits, withSum } from "./secretText.ts"

/** `mr_w_<43 characters><6 characters>`: the scope's letter, 256 random bits and their checksum. */
const KEY = /^mr_[wra]_[0-9A-Za-z]{49}$/u

const SECRET_BYTES = 32
/** Enough to tell keys apart in a list; the other 207 random bits stay unknown. */
const PREFIX_CHARACTERS = "mr_w_".length + 8

const letterOf = { write: "w", read: "r", admin: "a" } as const satisfies Record<KeyScope, string>

export const newApiKey = (scope: KeyScope): string => withSum(`mr_${letterOf[scope]}_${randomDigits(SECRET_BYTES)}`)

/** Could this text have been issued? */
export const isApiKey = (text: string): boolean => KEY.test(text) && isSummed(text)

/** Safe to log and to list. */
export const prefixOf = (key: string): string => key.slice(0, PREFIX_CHARACTERS)

/** Hash that the store keeps of a key: lower-case hex HMAC-SHA-256. */
export const hashApiKey = (key: string, pepper: Uint8Array): string =>
  createHmac("sha256", pepper).update(key).digest("hex")
