import { randomBytes } from "node:crypto"
import { crc32 } from "node:zlib"

/**
 * Secrets as text: a prefix that says what it is, random bits and their checksum in base 62, so that a double click
 * selects it whole. The checksum tells a typing error without asking a store, and a secret scanner what is none; it keeps
 * nothing secret.
 */
const SUM_DIGITS = 6

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

const base62 = (number: bigint, digits: number): string => {
  let text = ""
  for (let rest = number; text.length < digits; rest /= 62n) text = DIGITS[Number(rest % 62n)]! + text
  return text
}

/** Digits that `bytes` random bytes need. */
export const digitsFor = (bytes: number): number => Math.ceil((bytes * 8) / Math.log2(62))

export const randomDigits = (bytes: number): string =>
  base62(BigInt(`0x${randomBytes(bytes).toString("hex")}`), digitsFor(bytes))

const sumOf = (body: string) => base62(BigInt(crc32(body)), SUM_DIGITS)

/** `body` as a secret that {@link isSummed} takes. */
export const withSum = (body: string): string => body + sumOf(body)

export const isSummed = (text: string): boolean => sumOf(text.slice(0, -SUM_DIGITS)) === text.slice(-SUM_DIGITS)
