import {
  type Activity,
  type ActivityPlan,
  type ActivityQuestion,
  type EventTypeOrAny,
  QUARTER_HOUR_MICROS
} from "../../activity/Activity.ts"
import { ofAllEvents, bucketsBetween, type ActivityBucket } from "../../activity/buckets.ts"
import { DAY_MICROS, dayOfDate, intervalOfDay } from "../../calendar.ts"
import { IDENTIFY } from "../../events.ts"
import { cellsOf } from "./cells.ts"
import { CELLS_MAX, countsAsAny, type RetentionParams } from "./model.ts"

type Latest = (eventType: EventTypeOrAny) => number | undefined

/**
 * {@link retentionSql}'s rows from sets of users. Rolling cells are measured from an instant, and occurrences are counted:
 * sets have neither.
 */
export const retentionActivity = (params: RetentionParams): ActivityQuestion | undefined =>
  !ofAllEvents(params) || params.bucket === "rolling" || params.minimum_occurrences > 1
    ? undefined
    : {
        eventTypes: [...anyEventTypes(params), params.start_event, params.return_event],
        plan: (latest) => planOf(params, latest)
      }

/** Whose latest interval is the last cohort where there is no `end_date`. */
const anyEventTypes = (params: RetentionParams): ReadonlyArray<EventTypeOrAny> =>
  countsAsAny(IDENTIFY, params) ? [undefined, IDENTIFY] : [undefined]

const NOTHING: ActivityPlan = { periods: [], firsts: [], passes: 0, rows: () => [] }

const planOf = (params: RetentionParams, latest: Latest): ActivityPlan | undefined => {
  const bounds = boundsOf(params, latest)
  if (bounds === undefined) return NOTHING
  const { first, lastCohort, lastKnown, lastReturn } = bounds
  const { end_date, mode, return_event, start_event, windows } = params
  // What is refused for its size, whatever the last cohort turns out to be, need not be counted.
  const refused = (lastKnown - first + 1) * windows > CELLS_MAX
  const buckets = bucketsBetween(params, refused ? Math.max(first, lastKnown) : first, Math.max(lastCohort, lastReturn))
  if (buckets === undefined) return undefined
  const between = (from: number, to: number) => buckets.filter(({ bucket }) => bucket >= from && bucket <= to)
  const ends = end_date === undefined ? between(lastKnown, lastCohort) : []
  const starts = refused || mode === "first-ever" ? [] : between(first, lastCohort)
  const returns = refused ? [] : between(first + 1, lastReturn)
  const cohorts = between(first, lastCohort)
  return {
    periods: [
      ...anyEventTypes(params).map((eventType) => ({ eventType, periods: periodsOf(ends) })),
      { eventType: start_event, periods: periodsOf(starts) },
      { eventType: return_event, periods: periodsOf(returns) }
    ],
    firsts: mode === "first-ever" && !refused ? [start_event] : [],
    passes: returns.length * 10 + starts.length * (params.measure === "on" ? windows : 10),
    rows: (activity) => {
      const end = end_date === undefined ? lastWithEvents(ends, params, activity) : undefined
      const cells = refused ? [] : cellsOf({ params, activity, cohorts, returns })
      return end_date === undefined ? [...cells, { cohort: end ?? null, cell: -1, users: 0 }] : cells
    }
  }
}

const periodsOf = (buckets: ReadonlyArray<ActivityBucket>) => buckets.flatMap(({ periods }) => periods)

/**
 * Numbers of intervals: the first cohort; the last one, or one at or after it; one at or before it; and one at or after the
 * last return that counts. Undefined where no cohort can be.
 */
const boundsOf = (params: RetentionParams, latest: Latest) => {
  const { end_date, interval, measure, start_date, week_start, windows } = params
  const numberOf = (day: number) => intervalOfDay(day, interval, week_start)
  const dayOf = (quarterHour: number) => Math.floor((quarterHour * QUARTER_HOUR_MICROS) / DAY_MICROS)
  const any = anyEventTypes(params).reduce(
    (most, eventType) => Math.max(most, latest(eventType) ?? -Infinity),
    -Infinity
  )
  if (any === -Infinity) return undefined
  const first = numberOf(dayOfDate(start_date))
  // No local date is further than a day from the day in UTC.
  const lastCohort = numberOf(end_date === undefined ? dayOf(any) + 1 : dayOfDate(end_date))
  const lastKnown = end_date === undefined ? numberOf(dayOf(any) - 1) : lastCohort
  if (lastCohort < first) return undefined
  const returned = latest(params.return_event)
  const lastSeen = windows === 1 || returned === undefined ? first : numberOf(dayOf(returned) + 1)
  const lastReturn = measure === "on" ? Math.min(lastSeen, lastCohort + windows - 1) : lastSeen
  return { first, lastCohort, lastKnown: Math.max(first, lastKnown), lastReturn }
}

const lastWithEvents = (ends: ReadonlyArray<ActivityBucket>, params: RetentionParams, activity: Activity) =>
  ends.findLast(({ periods }) =>
    anyEventTypes(params).some((eventType) => periods.some((period) => activity.active(eventType, period).size > 0))
  )?.bucket
