const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0

const daysInMonth = (year: number, month: number) =>
  month === 2 && isLeap(year) ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0)

const FIRST = 0
/** 2101-01-01T00:00:00Z, exclusive. */
const END = Date.UTC(2101, 0, 1) * 1000

/**
 * RFC 3339 date-time with an offset → UTC microseconds, or `undefined` for what is none:
 * no offset, an impossible calendar day, `24:00`, `:60`, more than nine digits of fraction, a year
 * outside 1970–2100 (judged in UTC). Digits past microseconds are cut, not rounded.
 */
export const parseInstant = (text: string): number | undefined => {
  if (text.length < 20 || text.length > 35 || !hasSeparators(text)) return undefined
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 2)
  const day = digits(text, 8, 2)
  const hour = digits(text, 11, 2)
  const minute = digits(text, 14, 2)
  const second = digits(text, 17, 2)
  if (!(year >= 1900 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return undefined
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined
  const end = text.charCodeAt(19) === DOT ? endOfDigits(text, 20) : 19
  if (end === 20 || end > 29) return undefined
  const offset = offsetMinutes(text, end)
  const seconds = Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - offset * 60
  const instant = seconds * 1_000_000 + (end > 19 ? fractionMicros(text, end) : 0)
  return instant >= FIRST && instant < END ? instant : undefined
}

const [ZERO, NINE, DASH, PLUS, COLON, DOT] = [48, 57, 45, 43, 58, 46]

/** Folds ASCII case, for the `t` and `z` that RFC 3339 allows. */
const lower = (text: string, at: number) => text.charCodeAt(at) | 32

const hasSeparators = (text: string) =>
  text.charCodeAt(4) === DASH &&
  text.charCodeAt(7) === DASH &&
  lower(text, 10) === 116 &&
  text.charCodeAt(13) === COLON &&
  text.charCodeAt(16) === COLON

/** `NaN` where a character is not an ASCII digit, so that every comparison with it fails. */
const digits = (text: string, at: number, count: number): number => {
  let value = 0
  for (let index = at; index < at + count; index++) {
    const code = text.charCodeAt(index)
    if (!(code >= ZERO && code <= NINE)) return Number.NaN
    value = value * 10 + code - ZERO
  }
  return value
}

const endOfDigits = (text: string, at: number): number => {
  while (text.charCodeAt(at) >= ZERO && text.charCodeAt(at) <= NINE) at++
  return at
}

/** The digits from 20 to `end` as microseconds, further ones cut. */
const fractionMicros = (text: string, end: number): number => {
  const count = Math.min(end - 20, 6)
  return digits(text, 20, count) * 10 ** (6 - count)
}

/** `NaN` unless `Z` or `±hh:mm` stands at `at` and ends the text. */
const offsetMinutes = (text: string, at: number): number => {
  const sign = text.charCodeAt(at)
  if (lower(text, at) === 122) return text.length === at + 1 ? 0 : Number.NaN
  if ((sign !== PLUS && sign !== DASH) || text.length !== at + 6 || text.charCodeAt(at + 3) !== COLON) return Number.NaN
  const hours = digits(text, at + 1, 2)
  const minutes = digits(text, at + 4, 2)
  if (!(hours <= 23 && minutes <= 59)) return Number.NaN
  return (sign === DASH ? -1 : 1) * (hours * 60 + minutes)
}

/** UTC microseconds → RFC 3339 with `Z`; the fraction is printed only when there is one. */
export const formatInstant = (micros: number): string => {
  const millis = Math.floor(micros / 1000)
  const rest = micros - millis * 1000
  const iso = new Date(millis).toISOString()
  if (rest !== 0) return `${iso.slice(0, -1)}${String(rest).padStart(3, "0")}Z`
  return iso.endsWith(".000Z") ? `${iso.slice(0, -5)}Z` : iso
}
