import { DAY_MICROS, type DateInterval, firstDayOf, type WeekStart } from "./interval.ts"
import { CALENDAR_FROM_MICROS, CALENDAR_UNTIL_MICROS, type OffsetPiece, piecesBetween } from "./zone.ts"

/** Half-open, UTC microseconds. */
export interface InstantRange {
  readonly fromMicros: number
  readonly untilMicros: number
}

/** No zone is further from UTC than this. */
const REACH_MICROS = DAY_MICROS + 3_600_000_000

const piecesNear = (zone: string, firstDay: number, endDay: number) =>
  piecesBetween(zone, firstDay * DAY_MICROS - REACH_MICROS, endDay * DAY_MICROS + REACH_MICROS)

/** The part of a piece whose local time lies in `[firstDay, endDay)`; empty when `from ≥ until`. */
const within = (piece: OffsetPiece, firstDay: number, endDay: number): InstantRange => ({
  fromMicros: Math.max(piece.fromMicros, firstDay * DAY_MICROS - piece.offsetSeconds * 1e6),
  untilMicros: Math.min(piece.untilMicros, endDay * DAY_MICROS - piece.offsetSeconds * 1e6)
})

/**
 * Every instant whose local date lies in `[firstDay, endDay)`, as few ranges as possible, in time order. More than one
 * where clocks ran back over midnight (America/St_Johns until 2006); none for a day that never was (Pacific/Apia
 * 2011-12-30).
 */
export const instantsOf = (zone: string, firstDay: number, endDay: number): ReadonlyArray<InstantRange> => {
  const ranges: Array<InstantRange> = []
  for (const piece of piecesNear(zone, firstDay, endDay)) {
    const range = within(piece, firstDay, endDay)
    if (range.fromMicros >= range.untilMicros) continue
    const last = ranges.at(-1)
    if (last?.untilMicros === range.fromMicros) ranges.pop()
    ranges.push(last?.untilMicros === range.fromMicros ? { ...range, fromMicros: last.fromMicros } : range)
  }
  return ranges
}

/** From this instant on, no local date is `day` or earlier any more. */
export const endOfDay = (zone: string, day: number): number => {
  const pieces = piecesNear(zone, day, day + 1)
  for (let index = pieces.length - 1; index >= 0; index--) {
    const piece = pieces[index]!
    const until = Math.min(piece.untilMicros, (day + 1) * DAY_MICROS - piece.offsetSeconds * 1e6)
    if (until > piece.fromMicros) return until
  }
  return CALENDAR_FROM_MICROS
}

/** Before this instant, no local date was `day` or later. */
export const startOfDay = (zone: string, day: number): number => {
  for (const piece of piecesNear(zone, day, day + 1)) {
    const from = Math.max(piece.fromMicros, day * DAY_MICROS - piece.offsetSeconds * 1e6)
    if (from < piece.untilMicros) return from
  }
  return CALENDAR_UNTIL_MICROS
}

/** The instant after which an interval holds no more time: its numbers are final once `as_of` reaches it. */
export const endOfInterval = (zone: string, index: number, interval: DateInterval, weekStart: WeekStart): number =>
  endOfDay(zone, firstDayOf(index + 1, interval, weekStart) - 1)

export const startOfInterval = (zone: string, index: number, interval: DateInterval, weekStart: WeekStart): number =>
  startOfDay(zone, firstDayOf(index, interval, weekStart))

/** One hour of a zone's clock: the local hour together with its offset, since a repeated hour is two. */
export interface LocalHour {
  /** Whole local hours since 1970-01-01T00:00 local. */
  readonly hour: number
  readonly offsetSeconds: number
  readonly startMicros: number
  readonly endMicros: number
}

const HOUR_MICROS = 3_600_000_000

/** The hours that exist on `[firstDay, endDay)`, in time order: 23 or 25 on days of change, none in a gap. */
export const hoursOf = (zone: string, firstDay: number, endDay: number): ReadonlyArray<LocalHour> =>
  piecesNear(zone, firstDay, endDay).flatMap((piece) => {
    const range = within(piece, firstDay, endDay)
    const hours: Array<LocalHour> = []
    const offset = piece.offsetSeconds * 1e6
    for (let at = range.fromMicros; at < range.untilMicros;) {
      const hour = Math.floor((at + offset) / HOUR_MICROS)
      const endMicros = Math.min((hour + 1) * HOUR_MICROS - offset, range.untilMicros)
      hours.push({ hour, offsetSeconds: piece.offsetSeconds, startMicros: at, endMicros })
      at = endMicros
    }
    return hours
  })

/** RFC 3339 has no seconds in offsets: Africa/Monrovia's −00:44:30 (until 1972) is shown as −00:45, as Temporal does. */
const formatOffset = (seconds: number): string => {
  const minutes = Math.round(Math.abs(seconds) / 60)
  const two = (value: number) => String(value).padStart(2, "0")
  return `${seconds < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/** RFC 3339 with the offset in force, like `2026-03-29T03:00:00+02:00`. */
export const labelOfHour = ({ hour, offsetSeconds }: Pick<LocalHour, "hour" | "offsetSeconds">): string =>
  new Date(hour * 3_600_000).toISOString().slice(0, 19) + formatOffset(offsetSeconds)
