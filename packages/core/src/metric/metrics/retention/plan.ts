import {
  bucketOf,
  CALENDAR_FROM_MICROS,
  CALENDAR_UNTIL_MICROS,
  DAY_MICROS,
  dayOfDate,
  endOfInterval,
  type InstantRange,
  intervalOfDay,
  startOfInterval
} from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import { IDENTIFY, matches } from "../../events.ts"
import type { AskContext } from "../../Metric.ts"
import { eventsOf } from "../../source.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import { countsAsAny, type RetentionParams, ROLLING_MICROS } from "./model.ts"

/** Plan that the parts of the query share. */
export interface Plan {
  readonly params: RetentionParams
  readonly dialect: Dialect
  /** What stands behind FROM. */
  readonly source: SqlText
  /** `project_id = …` */
  readonly ofProject: SqlText
  /** Number of the first cohort's interval, and of the last one's where `end_date` names it. */
  readonly first: number
  readonly last: number | undefined
  /** Of cohorts and of return events; open at the end unless `end_date` closes it. */
  readonly range: InstantRange
  /** The interval's number of an instant inside `range`. */
  readonly bucket: (micros: SqlText) => SqlText
  /** The same for any instant; costs more in zones with many changes. */
  readonly everBucket: (micros: SqlText) => SqlText
}

const EVER = { fromMicros: CALENDAR_FROM_MICROS, untilMicros: CALENDAR_UNTIL_MICROS }

export const planOf = (params: RetentionParams, { project_id }: AskContext, dialect: Dialect): Plan => {
  const { tz: zone, interval, week_start: weekStart } = params
  const indexOf = (date: string) => intervalOfDay(dayOfDate(date), interval, weekStart)
  const first = indexOf(params.start_date)
  const last = params.end_date === undefined ? undefined : indexOf(params.end_date)
  const range = {
    fromMicros: startOfInterval(zone, first, interval, weekStart),
    untilMicros: lastInstantOf(params, last)
  }
  const options = { zone, interval, weekStart, range }
  return {
    params,
    dialect,
    source: eventsOf(params, dialect),
    ofProject: sql`project_id = ${project_id}`,
    first,
    last,
    range,
    bucket: (micros) => bucketOf(options, micros, dialect),
    everBucket: (micros) => bucketOf({ ...options, range: EVER }, micros, dialect)
  }
}

/** Exclusive end of what can count: the last cohort's last cell, unless any later return counts as well. */
const lastInstantOf = (params: RetentionParams, last: number | undefined): number => {
  if (last === undefined || params.measure === "on-or-after") return CALENDAR_UNTIL_MICROS
  const { tz, interval, week_start, windows } = params
  return params.bucket === "calendar"
    ? endOfInterval(tz, last + windows - 1, interval, week_start)
    : endOfInterval(tz, last, interval, week_start) + windows * ROLLING_MICROS[interval]
}

export const isWanted = ({ first, last }: Plan): SqlText =>
  last === undefined ? sql`cohort >= ${first}` : sql`cohort BETWEEN ${first} AND ${last}`

/** Cells from one on; cell 0 is counted from the cohorts themselves. */
export const distanceOf = ({ params: { bucket, interval }, dialect }: Plan): SqlText =>
  bucket === "calendar"
    ? sql`returned_at - cohort`
    : dialect.floorDiv(sql`(returned_at - anchor)`, ROLLING_MICROS[interval])

/** `(user_id, returned_at)`: the number of an interval with enough returns, each once; microseconds where cells roll. */
export const returnsSql = (plan: Plan, fromMicros = plan.range.fromMicros): SqlText => {
  const { params, dialect, range, ofProject } = plan
  const rows = (columns: SqlText) => sql`
    SELECT ${columns} AS returned_at FROM ${plan.source}
    WHERE ${ofProject} AND ${matches(params.return_event)} AND ${dialect.occurredBetween(fromMicros, range.untilMicros)}`
  const own = sql`user_id, ${returnedAt(plan)}`
  if (params.minimum_occurrences === 1) return rows(sql`DISTINCT ${own}`)
  // Where cells roll, which of them an event lies in depends on the cohort.
  if (params.bucket === "rolling") return rows(own)
  return sql`${rows(own)} GROUP BY user_id, 2 HAVING COUNT(*) >= ${params.minimum_occurrences}`
}

export const returnedAt = ({ params, dialect, bucket }: Plan): SqlText =>
  params.bucket === "calendar" ? bucket(dialect.occurredAtMicros) : dialect.occurredAtMicros

const CLOCK_REACH_MICROS = 2 * DAY_MICROS

/**
 * The row `(interval, −1, 0)` that names the last interval with any event; nothing where `end_date` does. The latest
 * event need not lie in it (clocks run back), but one within two days of the latest does.
 */
export const lastSql = (
  { params, dialect, range, bucket, last, ofProject, source }: Plan,
  everyKey: SqlText = sql``
): SqlText => {
  if (last !== undefined) return sql``
  const counted = sql`${ofProject} AND ${countsAsAny(IDENTIFY, params) ? sql`1 = 1` : matches(undefined)}`
  const micros = dialect.occurredAtMicros
  return sql`
    UNION ALL
    SELECT ${everyKey}MAX(${bucket(micros)}) AS cohort, -1 AS cell, 0 AS users FROM ${source}
    WHERE ${counted} AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}
      AND ${micros} >= (SELECT MAX(${micros}) FROM ${source} WHERE ${counted}) - ${CLOCK_REACH_MICROS}`
}
