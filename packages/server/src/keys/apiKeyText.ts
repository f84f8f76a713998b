import type { KeyScope } from "@millrace/core"
import { createHmac, randomBytes } from "node:crypto"
import { crc32 } from "node:zlib"

/**
 * `mr_w_<43 characters><6 characters>`: the scope's letter, 256 random bits and their checksum in base 62, so that a
 * double click selects it whole. The checksum tells a typing error without asking the store, and a secret scanner what
 * is no key; it keeps nothing secret.
 */
const KEY = /^mr_([wra])_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/u

const SECRET_BYTES = 32
const SECRET_DIGITS = 43
const SUM_DIGITS = 6
/** Enough to tell keys apart in a list; the other 207 random bits stay unknown. */
const PREFIX_CHARACTERS = "mr_w_".length + 8

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
const LETTERS = { w: "write", r: "read", a: "admin" } as const satisfies Record<string, KeyScope>
type Letter = keyof typeof LETTERS
const letterOf = { write: "w", read: "r", admin: "a" } as const satisfies Record<KeyScope, Letter>

const base62 = (number: bigint, digits: number): string => {
  let text = ""
  for (let rest = number; text.length < digits; rest /= 62n) text = DIGITS[Number(rest % 62n)]! + text
  return text
}

const sumOf = (body: string) => base62(BigInt(crc32(body)), SUM_DIGITS)

export const newApiKey = (scope: KeyScope): string => {
  const secret = BigInt(`0x${randomBytes(SECRET_BYTES).toString("hex")}`)
  const body = `mr_${letterOf[scope]}_${base62(secret, SECRET_DIGITS)}`
  return body + sumOf(body)
}

/** Could this text have been issued? */
export const isApiKey = (text: string): boolean => {
  const sum = KEY.exec(text)?.[3]
  return sum !== undefined && sumOf(text.slice(0, -SUM_DIGITS)) === sum
}

/** Safe to log and to list. */
export const prefixOf = (key: string): string => key.slice(0, PREFIX_CHARACTERS)

/** What the store keeps: lower-case hex HMAC-SHA-256. */
export const hashApiKey = (key: string, pepper: Uint8Array): string =>
  createHmac("sha256", pepper).update(key).digest("hex")
