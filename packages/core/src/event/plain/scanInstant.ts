import { parseInstant } from "../instant.ts"

/** Two digits, or {@link NO_DIGITS}. No arrays here and below: they were a fifth of all garbage. */
const two = (bytes: Uint8Array, at: number) => {
  const tens = bytes[at]! - 48
  const ones = bytes[at + 1]! - 48
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NO_DIGITS
}

/** More than any field of a clock may hold. */
const NO_DIGITS = 100

/** The day that was last asked for: a body's events are mostly of one. */
export class KnownDay {
  /** Digits of the year, then of month and day, as they stand there; none at first. */
  year = 0
  date = 0
  /** UTC microseconds. */
  midnight = 0
}

const textOf = (bytes: Uint8Array, start: number, end: number) => {
  let text = ""
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!)
  return text
}

const four = (bytes: Uint8Array, a: number, b: number, c: number, d: number) =>
  (bytes[a]! << 24) | (bytes[b]! << 16) | (bytes[c]! << 8) | bytes[d]!

/** UTC microseconds of midnight of the `YYYY-MM-DD` at `at`, or undefined. */
const midnightOf = (bytes: Uint8Array, at: number, known: KnownDay): number | undefined => {
  const year = four(bytes, at, at + 1, at + 2, at + 3)
  const date = four(bytes, at + 5, at + 6, at + 8, at + 9)
  if (bytes[at + 4] !== 45 || bytes[at + 7] !== 45) return undefined
  if (year === known.year && date === known.date) return known.midnight
  const midnight = parseInstant(`${textOf(bytes, at, at + 10)}T00:00:00Z`)
  if (midnight === undefined) return undefined
  known.year = year
  known.date = date
  known.midnight = midnight
  return midnight
}

/**
 * `parseInstant` on bytes `[start, end)`. The form with `Z` and at most six digits of fraction is read in place,
 * every other one as text.
 */
export const scanInstant = (bytes: Uint8Array, start: number, end: number, known: KnownDay): number | undefined => {
  const length = end - start
  if (length < 20 || length > 35) return undefined
  const plain =
    bytes[end - 1] === 90 &&
    bytes[start + 10] === 84 &&
    bytes[start + 13] === 58 &&
    bytes[start + 16] === 58 &&
    (length === 20 || (length >= 22 && length <= 27 && bytes[start + 19] === 46))
  if (!plain) return parseInstant(textOf(bytes, start, end))
  const midnight = midnightOf(bytes, start, known)
  const hour = two(bytes, start + 11)
  const minute = two(bytes, start + 14)
  const second = two(bytes, start + 17)
  if (midnight === undefined || hour > 23 || minute > 59 || second > 59) return undefined
  let fraction = 0
  for (let at = start + 20; at < end - 1; at++) {
    const digit = bytes[at]! - 48
    if (!(digit >= 0 && digit <= 9)) return undefined
    fraction = fraction * 10 + digit
  }
  const scale = length === 20 ? 0 : 10 ** (27 - length)
  return midnight + ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction * scale
}
