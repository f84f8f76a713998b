import { parseInstant } from "../instant.ts"

/** Two digits, or {@link NO_DIGITS}. No arrays here and below: they were a fifth of all garbage. */
const two = (bytes: Uint8Array, at: number) => {
  const tens = bytes[at]! - 48
  const ones = bytes[at + 1]! - 48
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NO_DIGITS
}

/** More than any field of a clock may hold. */
const NO_DIGITS = 100

/** One day is asked for again and again. */
let knownDay = ""
let knownMidnight = 0
const known = new Uint8Array(10)

const sameDay = (bytes: Uint8Array, at: number): boolean => {
  for (let index = 0; index < 10; index++) if (bytes[at + index] !== known[index]) return false
  return knownDay !== ""
}

const textOf = (bytes: Uint8Array, start: number, end: number) => {
  let text = ""
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!)
  return text
}

/** UTC microseconds of midnight of the `YYYY-MM-DD` at `at`, or undefined. */
const midnightOf = (bytes: Uint8Array, at: number): number | undefined => {
  if (sameDay(bytes, at)) return knownMidnight
  const day = textOf(bytes, at, at + 10)
  const midnight = parseInstant(`${day}T00:00:00Z`)
  if (midnight === undefined) return undefined
  known.set(bytes.subarray(at, at + 10))
  knownDay = day
  knownMidnight = midnight
  return midnight
}

/**
 * `parseInstant` on bytes `[start, end)`. The form with `Z` and at most six digits of fraction is read in place,
 * every other one as text.
 */
export const scanInstant = (bytes: Uint8Array, start: number, end: number): number | undefined => {
  const length = end - start
  if (length < 20 || length > 35) return undefined
  const plain =
    bytes[end - 1] === 90 &&
    bytes[start + 10] === 84 &&
    bytes[start + 13] === 58 &&
    bytes[start + 16] === 58 &&
    (length === 20 || (length >= 22 && length <= 27 && bytes[start + 19] === 46))
  if (!plain) return parseInstant(textOf(bytes, start, end))
  const midnight = midnightOf(bytes, start)
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
