import {
  dayOfDate,
  firstDayOf,
  hoursOf,
  type InstantRange,
  instantsOf,
  type Interval,
  intervalOfDay,
  numberOfHour,
  type TimelineParams
} from "../calendar.ts"
import type { WithBreakdown } from "../breakdown/index.ts"
import type { WithFilter } from "../source.ts"
import { QUARTER_HOUR_MICROS, type Period } from "./Activity.ts"

/** Whether nothing but their types tells the events apart. */
export const ofAllEvents = ({ breakdown, where }: WithFilter & WithBreakdown): boolean =>
  where === undefined && breakdown === undefined

/** One interval, by the number that SQL gives it, and the days or the hour it is made of. */
export interface ActivityBucket {
  readonly bucket: number
  readonly periods: ReadonlyArray<Period>
}

type Calendar = Pick<TimelineParams, "tz" | "week_start"> & { readonly interval: Interval }

/** The date intervals numbered from `first` to `last`; undefined where a boundary lies within a quarter hour. */
export const bucketsBetween = (
  { interval, tz, week_start }: Calendar,
  first: number,
  last: number
): ReadonlyArray<ActivityBucket> | undefined => {
  const unit = interval === "hour" ? "day" : interval
  const buckets: Array<ActivityBucket> = []
  for (let bucket = first; bucket <= last; bucket++) {
    const periods: Array<Period> = []
    const end = firstDayOf(bucket + 1, unit, week_start)
    for (let day = firstDayOf(bucket, unit, week_start); day < end; day++) {
      const period = toPeriod(instantsOf(tz, day, day + 1))
      if (period === undefined) return undefined
      periods.push(period)
    }
    buckets.push({ bucket, periods })
  }
  return buckets
}

/** Every interval that the range touches, and so many before it; hours have none before. */
export const bucketsOfRange = (range: TimelineParams, before = 0): ReadonlyArray<ActivityBucket> | undefined => {
  const { from, interval, to, tz, week_start } = range
  if (interval !== "hour") {
    const first = intervalOfDay(dayOfDate(from), interval, week_start)
    return bucketsBetween(range, first - before, intervalOfDay(dayOfDate(to), interval, week_start))
  }
  const buckets: Array<ActivityBucket> = []
  for (const hour of hoursOf(tz, dayOfDate(from), dayOfDate(to) + 1)) {
    const period = toPeriod([{ fromMicros: hour.startMicros, untilMicros: hour.endMicros }])
    if (period === undefined) return undefined
    buckets.push({ bucket: numberOfHour(hour), periods: [period] })
  }
  return buckets
}

const toPeriod = (ranges: ReadonlyArray<InstantRange>): Period | undefined => {
  const period = ranges.map(({ fromMicros, untilMicros }) => ({
    from: fromMicros / QUARTER_HOUR_MICROS,
    until: untilMicros / QUARTER_HOUR_MICROS
  }))
  return period.every(({ from, until }) => Number.isInteger(from) && Number.isInteger(until)) ? period : undefined
}
