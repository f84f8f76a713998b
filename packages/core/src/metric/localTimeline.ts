import type { TimelineParams } from "./calendar/timeline.ts"
import { firstDateOf, localClock, nextFirstDate } from "./localClock.ts"

/** One interval as the references see it. */
interface LocalBucket {
  readonly date: string
  readonly complete: boolean
}

type Calendar = Pick<TimelineParams, "interval" | "tz" | "week_start">

/** UTC microseconds → the label of the interval that holds the instant. */
export const labelIn = ({ interval, tz, week_start }: Calendar): ((micros: number) => string) => {
  const clock = localClock(tz)
  return interval === "hour" ? clock.hour : (micros) => firstDateOf(clock.date(micros), interval, week_start)
}

/** Every interval that the range touches, in time order. */
export const localBuckets = (range: TimelineParams, as_of: number): ReadonlyArray<LocalBucket> => {
  const { from, interval, to, tz, week_start } = range
  if (interval === "hour") return hourBuckets(range, as_of)
  const openFrom = localClock(tz).earliestDateFrom(as_of)
  const buckets: Array<LocalBucket> = []
  for (let date = firstDateOf(from, interval, week_start); date <= to; date = nextFirstDate(date, interval)) {
    buckets.push({ date, complete: nextFirstDate(date, interval) <= openFrom })
  }
  return buckets
}

const QUARTER_HOUR_MICROS = 900_000_000
const DAY_MICROS = 86_400_000_000

/** Every running hour lasts past a quarter hour of UTC, so walking by quarter hours meets each of them. */
const hourBuckets = ({ from, to, tz }: TimelineParams, as_of: number): ReadonlyArray<LocalBucket> => {
  const clock = localClock(tz)
  const now = clock.hour(as_of)
  const buckets = new Map<string, LocalBucket>()
  const end = Date.parse(`${to}T00:00:00Z`) * 1000 + 3 * DAY_MICROS
  for (let at = Date.parse(`${from}T00:00:00Z`) * 1000 - 2 * DAY_MICROS; at < end; at += QUARTER_HOUR_MICROS) {
    const date = clock.hour(at)
    if (date.slice(0, 10) < from || date.slice(0, 10) > to || buckets.has(date)) continue
    buckets.set(date, { date, complete: at <= as_of && date !== now })
  }
  return [...buckets.values()]
}
