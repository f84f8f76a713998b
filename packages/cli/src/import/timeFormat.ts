import { formatInstant, type OffsetPiece, piecesOf } from "@millrace/core"

/** Wall-clock milliseconds (a local time written as if it were UTC) → UTC milliseconds. */
type ToUtc = (wallMillis: number) => number

/**
 * A wall-clock time that a DST change repeats means its first occurrence; one that it skips moves forward by the gap.
 * Throws `RangeError` on an unknown zone.
 */
const zoneToUtc = (timeZone: string): ToUtc => {
  if (timeZone === "UTC") return (wall) => wall
  const pieces = piecesOf(timeZone)
  let near = 0
  return (wall) => {
    // Rows mostly come in time order, so the piece of the row before is the place to start looking.
    while (near > 0 && startsAfter(pieces[near]!, wall)) near--
    while (near + 1 < pieces.length && !startsAfter(pieces[near + 1]!, wall)) near++
    const before = pieces[near - 1]
    const repeated = before !== undefined && wall < wallOf(before.untilMicros, before)
    return wall - (repeated ? before : pieces[near]!).offsetSeconds * 1000
  }
}

const wallOf = (micros: number, piece: OffsetPiece) => micros / 1000 + piece.offsetSeconds * 1000

/**
 * A piece's wall clock starts where both its own and the earlier clock have reached it: in a gap the earlier
 * offset still holds, which moves a skipped time forward.
 */
const startsAfter = (piece: OffsetPiece, wall: number) => wall < wallOf(piece.fromMicros, piece)

/** Text of a file → RFC 3339, or `undefined` where the text does not fit the format. */
export type ReadTime = (text: string) => string | undefined

/** The format itself is wrong: a usage error. */
class BadTimeFormat extends Error {
  override readonly name = "BadTimeFormat"
}

/**
 * `rfc3339`, `unix` (seconds, up to microseconds after the point), `unix-ms`, or a pattern of the tokens
 * `YYYY MM DD HH mm ss` and literal characters, read in `timeZone`. RFC 3339 itself passes unread: `judge` rules on it.
 */
export const timeReader = (format: string, timeZone: string): ReadTime => {
  switch (format) {
    case "rfc3339":
      return (text) => text
    case "unix":
      return readUnix
    case "unix-ms":
      return readUnixMillis
    default:
      return patternReader(format, toUtcOf(timeZone))
  }
}

const toUtcOf = (timeZone: string) => {
  try {
    return zoneToUtc(timeZone)
  } catch {
    throw new BadTimeFormat(`--time-zone ${timeZone} is not an IANA time zone, like Europe/Berlin`)
  }
}

const END_MICROS = Date.UTC(2101, 0, 1) * 1000

const printed = (micros: number) => (micros >= 0 && micros < END_MICROS ? formatInstant(micros) : undefined)

const UNIX = /^(\d{1,10})(?:\.(\d{1,9}))?$/u

const readUnix: ReadTime = (text) => {
  const match = UNIX.exec(text)
  if (match === null) return undefined
  return printed(Number(match[1]) * 1_000_000 + Number((match[2] ?? "").slice(0, 6).padEnd(6, "0")))
}

const readUnixMillis: ReadTime = (text) => (/^\d{1,13}$/u.test(text) ? printed(Number(text) * 1000) : undefined)

const TOKEN = /YYYY|MM|DD|HH|mm|ss/gu
const NAMES = ["YYYY", "MM", "DD", "HH", "mm", "ss"] as const

const patternReader = (pattern: string, toUtc: (wall: number) => number): ReadTime => {
  const tokens: ReadonlyArray<string> = pattern.match(TOKEN) ?? []
  const twice = tokens.find((token, index) => tokens.indexOf(token) !== index)
  const missing = NAMES.slice(0, 3).find((token) => !tokens.includes(token))
  if (missing !== undefined || twice !== undefined) {
    throw new BadTimeFormat(
      `--time-format ${pattern} ${missing === undefined ? `names ${twice!} twice` : `lacks ${missing}`}; ` +
        "use rfc3339, unix, unix-ms or a pattern of YYYY MM DD HH mm ss, like YYYY-MM-DD HH:mm:ss"
    )
  }
  const expression = new RegExp(
    `^${pattern
      .split(TOKEN)
      .map(escape)
      .reduce((all, part, index) => `${all}${digits(tokens[index - 1]!)}${part}`)}$`,
    "u"
  )
  const order = NAMES.map((name) => tokens.indexOf(name) + 1)
  return (text) => {
    const match = expression.exec(text)
    if (match === null) return undefined
    const [year, month, day, hour, minute, second] = order.map((group, index) =>
      group === 0 ? Number(index < 3) : Number(match[group])
    ) as [number, number, number, number, number, number]
    const wall = Date.UTC(year, month - 1, day, hour, minute, second)
    const back = new Date(wall)
    const exists =
      back.getUTCFullYear() === year &&
      back.getUTCMonth() === month - 1 &&
      back.getUTCDate() === day &&
      hour < 24 &&
      minute < 60 &&
      second < 60
    return exists ? printed(toUtc(wall) * 1000) : undefined
  }
}

const digits = (token: string) => `(\\d{${token.length}})`

const escape = (literal: string) => literal.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`)
