import type { Dialect } from "../Dialect.ts"
import { sql, type SqlText } from "../SqlText.ts"
import { bucketOf, localMicros, offsetMicros } from "./bucket.ts"
import {
  endOfDay,
  endOfInterval,
  hoursOf,
  type InstantRange,
  labelOfHour,
  type LocalHour,
  startOfDay
} from "./Calendar.ts"
import { dateOfDay, dayOfDate, firstDayOf, type Interval, intervalOfDay, type WeekStart } from "./interval.ts"

export interface TimelineParams {
  readonly from: string
  readonly to: string
  readonly tz: string
  readonly interval: Interval
  readonly week_start: WeekStart
}

/** One row of a series. */
export interface TimeBucket {
  /** What `bucket` gives for the interval's events; neighbours differ by one, hours excepted. */
  readonly bucket: number
  /** First local day; for hours RFC 3339 with the offset. */
  readonly date: string
  readonly complete: boolean
}

/** From the first instant of the first interval that a range touches to the last of the last. */
export const wholeRange = (
  { from, to, tz, interval, week_start }: TimelineParams,
  intervalsBefore = 0
): InstantRange => {
  const unit = interval === "hour" ? "day" : interval
  const first = firstDayOf(intervalOfDay(dayOfDate(from), unit, week_start) - intervalsBefore, unit, week_start)
  const end = firstDayOf(intervalOfDay(dayOfDate(to), unit, week_start) + 1, unit, week_start)
  return { fromMicros: startOfDay(tz, first), untilMicros: endOfDay(tz, end - 1) }
}

const HOUR_MICROS = 3_600_000_000
/** A repeated hour is two, so its number holds the offset as well; no offset is this many seconds. */
const OFFSETS = 200_000

/** An event's interval as one integer. Events of `range` may fall outside the buckets where a clock ran back. */
export const timelineBucket = (
  timeline: TimelineParams,
  range: InstantRange,
  micros: SqlText,
  dialect: Dialect
): SqlText => {
  const { interval, tz: zone, week_start: weekStart } = timeline
  if (interval !== "hour") return bucketOf({ zone, interval, weekStart, range }, micros, dialect)
  const hour = dialect.floorDiv(localMicros(zone, range, micros), HOUR_MICROS)
  const seconds = dialect.floorDiv(offsetMicros(zone, range, micros), 1_000_000)
  return sql`(${hour} * ${OFFSETS} + ${seconds} + ${OFFSETS / 2})`
}

/** What {@link timelineBucket} gives for the events of an hour. */
export const numberOfHour = ({ hour, offsetSeconds }: Pick<LocalHour, "hour" | "offsetSeconds">): number =>
  hour * OFFSETS + offsetSeconds + OFFSETS / 2

/** True for the numbers of the range's own buckets; where a clock ran back, its edge holds events of others. */
export const inTimeline = ({ from, interval, to, week_start }: TimelineParams, bucket: SqlText): SqlText => {
  const [first, last] = [dayOfDate(from), dayOfDate(to)]
  if (interval === "hour") {
    return sql`(${bucket} >= ${first * 24 * OFFSETS} AND ${bucket} < ${(last + 1) * 24 * OFFSETS})`
  }
  return sql`(${bucket} BETWEEN ${intervalOfDay(first, interval, week_start)} AND ${intervalOfDay(last, interval, week_start)})`
}

/** Every interval that the range touches, in time order. */
export const timeBuckets = (range: TimelineParams, as_of: number): ReadonlyArray<TimeBucket> => {
  const { from, interval, to, tz, week_start } = range
  if (interval === "hour") {
    return hoursOf(tz, dayOfDate(from), dayOfDate(to) + 1).map((hour) => ({
      bucket: numberOfHour(hour),
      date: labelOfHour(hour),
      complete: hour.endMicros <= as_of
    }))
  }
  const first = intervalOfDay(dayOfDate(from), interval, week_start)
  const last = intervalOfDay(dayOfDate(to), interval, week_start)
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    bucket: first + index,
    date: dateOfDay(firstDayOf(first + index, interval, week_start)),
    complete: endOfInterval(tz, first + index, interval, week_start) <= as_of
  }))
}
