import type { Dialect } from "../Dialect.ts"
import { join, sql, type SqlText } from "../SqlText.ts"
import type { InstantRange } from "./Calendar.ts"
import { DAY_MICROS, type DateInterval, type WeekStart, weekShift } from "./interval.ts"
import { type OffsetPiece, piecesBetween } from "./zone.ts"

/** No clock was ever moved by more than a day (Pacific/Kiritimati, 1994; Pacific/Apia, 2011). */
const AROUND_MICROS = 2 * DAY_MICROS

const piecesAround = (zone: string, { fromMicros, untilMicros }: InstantRange) =>
  piecesBetween(zone, fromMicros - AROUND_MICROS, untilMicros + AROUND_MICROS)

/**
 * A zone's offset at `micros` as nested CASEs that halve the pieces, so that a century of summer times costs eight
 * comparisons a row. Right for instants inside `range` and two days around it; beyond, the nearest piece's offset holds, and
 * no instant gets a local date of the range by it: a user's first event may lie anywhere.
 */
export const offsetMicros = (zone: string, range: InstantRange, micros: SqlText): SqlText =>
  choose(piecesAround(zone, range), micros)

const choose = (pieces: ReadonlyArray<OffsetPiece>, micros: SqlText): SqlText => {
  if (pieces.length === 1) return sql`${pieces[0]!.offsetSeconds * 1_000_000}`
  const middle = pieces.length >>> 1
  const boundary = pieces[middle]!.fromMicros
  return sql`CASE WHEN ${micros} < ${boundary} THEN ${choose(pieces.slice(0, middle), micros)} ELSE ${choose(pieces.slice(middle), micros)} END`
}

/** `micros` moved to the zone's local time; left alone where the zone is UTC. */
export const localMicros = (zone: string, range: InstantRange, micros: SqlText): SqlText => {
  const pieces = piecesAround(zone, range)
  return pieces.length === 1 && pieces[0]!.offsetSeconds === 0 ? micros : sql`(${micros} + ${choose(pieces, micros)})`
}

export interface BucketOptions {
  readonly zone: string
  readonly interval: DateInterval
  readonly weekStart: WeekStart
  /** Of the instants that may count; others come to intervals outside of it. */
  readonly range: InstantRange
}

/** The interval's number (see `intervalOfDay`) of an instant given in microseconds. */
export const bucketOf = (options: BucketOptions, micros: SqlText, dialect: Dialect): SqlText => {
  const local = localMicros(options.zone, options.range, micros)
  if (options.interval === "month") return dialect.monthIndex(local)
  if (options.interval === "day") {
    return local === dialect.occurredAtMicros ? dialect.occurredDay : dialect.floorDiv(local, DAY_MICROS)
  }
  // The shift is days, and no local time lies a day before 1970: never negative.
  return dialect.wholeDiv(sql`(${local} + ${weekShift(options.weekStart) * DAY_MICROS})`, 7 * DAY_MICROS)
}

/** True for events in any of the ranges; false when there are none. */
export const occurredIn = (ranges: ReadonlyArray<InstantRange>, dialect: Dialect): SqlText =>
  ranges.length === 0
    ? sql`1 = 0`
    : sql`(${join(
        ranges.map((range) => dialect.occurredBetween(range.fromMicros, range.untilMicros)),
        sql` OR `
      )})`
