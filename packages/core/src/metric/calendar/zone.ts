/** A stretch of time, in UTC microseconds, during which a zone's clocks keep one distance from UTC. */
export interface OffsetPiece {
  readonly fromMicros: number
  /** Exclusive. */
  readonly untilMicros: number
  /** Local minus UTC; whole minutes only since 1972 (Africa/Monrovia). */
  readonly offsetSeconds: number
}

const DAY_MILLIS = 86_400_000
/** Events lie in 1970–2100; two days more on each side hold every local date of theirs. */
export const CALENDAR_FROM_MICROS = (Date.UTC(1970, 0, 1) - 2 * DAY_MILLIS) * 1000
export const CALENDAR_UNTIL_MICROS = (Date.UTC(2101, 0, 1) + 2 * DAY_MILLIS) * 1000

/** From 1970 to 2100 no zone keeps an offset for less than six days (America/Recife, 2000), so these probes miss none. */
const PROBE_MILLIS = 2 * DAY_MILLIS
/** Names are accepted in any case, so callers could make up endless spellings. */
const CACHED_ZONES_MAX = 1_000

const NAME = /^[A-Za-z][A-Za-z0-9_+\-/]{0,63}$/u

/** An IANA zone name that this runtime knows. Bare offsets (`+05:30`) are not names. */
export const isZone = (name: string): boolean => {
  if (!NAME.test(name)) return false
  if (cache.has(name)) return true
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name }).format(0) !== ""
  } catch {
    return false
  }
}

const OFFSET = /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/u

/** Reads offsets from Intl: epoch milliseconds → seconds. */
const offsetReader = (zone: string): ((millis: number) => number) => {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset", year: "numeric" })
  return (millis) => {
    const match = OFFSET.exec(format.format(millis))
    if (match === null) throw new RangeError(`no offset in Intl's answer for ${zone}`)
    if (match[1] === undefined) return 0
    const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0)
    return match[1] === "-" ? -seconds : seconds
  }
}

const cache = new Map<string, ReadonlyArray<OffsetPiece>>()

/**
 * The whole calendar's pieces in time order, without gaps. About 40 ms for a zone's first use, nothing after.
 * Throws `RangeError` for an unknown zone.
 */
export const piecesOf = (zone: string): ReadonlyArray<OffsetPiece> => {
  const known = cache.get(zone)
  if (known !== undefined) return known
  const pieces = findPieces(offsetReader(zone))
  if (cache.size >= CACHED_ZONES_MAX) cache.clear()
  cache.set(zone, pieces)
  return pieces
}

const findPieces = (offsetAt: (millis: number) => number): ReadonlyArray<OffsetPiece> => {
  const end = CALENDAR_UNTIL_MICROS / 1000
  const pieces: Array<OffsetPiece> = []
  let from = CALENDAR_FROM_MICROS / 1000
  let offset = offsetAt(from)
  for (let at = from; at < end;) {
    const next = Math.min(at + PROBE_MILLIS, end)
    const nextOffset = offsetAt(next)
    if (nextOffset !== offset) {
      const change = firstChange(offsetAt, at, next)
      pieces.push({ fromMicros: from * 1000, untilMicros: change * 1000, offsetSeconds: offset })
      from = change
      offset = nextOffset
    }
    at = next
  }
  pieces.push({ fromMicros: from * 1000, untilMicros: CALENDAR_UNTIL_MICROS, offsetSeconds: offset })
  return pieces
}

/** First millisecond in `(low, high]` whose offset is not that of `low`; zones change on whole seconds. */
const firstChange = (offsetAt: (millis: number) => number, low: number, high: number): number => {
  const before = offsetAt(low)
  let [same, other] = [low / 1000, high / 1000]
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2)
    if (offsetAt(middle * 1000) === before) same = middle
    else other = middle
  }
  return other * 1000
}

/** The pieces that overlap a half-open range, not cut to it. */
export const piecesBetween = (zone: string, fromMicros: number, untilMicros: number): ReadonlyArray<OffsetPiece> => {
  const pieces = piecesOf(zone)
  const start = pieceIndexAt(pieces, fromMicros)
  let end = start + 1
  while (end < pieces.length && pieces[end]!.fromMicros < untilMicros) end++
  return pieces.slice(start, end)
}

/** Index of the piece that holds an instant; the first or last one for instants outside the calendar. */
const pieceIndexAt = (pieces: ReadonlyArray<OffsetPiece>, micros: number): number => {
  let [low, high] = [0, pieces.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (pieces[middle]!.fromMicros <= micros) low = middle
    else high = middle - 1
  }
  return low
}
