import { groupEvents, type Groups, shapeEach } from "../../breakdown/index.ts"
import { CALENDAR_FROM_MICROS, inTimeline, timelineBucket, timeBuckets, wholeRange } from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import { matches } from "../../events.ts"
import type { AskContext } from "../../Metric.ts"
import { integerOf, type RawRow } from "../../rows.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import type { LifecycleParams, LifecycleRow, State } from "./model.ts"

/**
 * Rows `(bucket, entered, returning, resurrecting, dormant)`, for intervals before the range as well. `dormant` belongs
 * to the interval after `bucket`.
 */
export const lifecycleSql = (params: LifecycleParams, context: AskContext, dialect: Dialect): SqlText => {
  const groups = eventsIn(params, context, dialect)
  return groups.answer(sql`
    WITH ${neighboursSql(groups)}
    SELECT ${groups.key}bucket, ${count("new")} AS entered, ${count("returning")} AS returning_users,
      ${count("resurrecting")} AS resurrecting, ${count("dormant")} AS dormant
    FROM neighbours GROUP BY ${groups.key}bucket`)
}

/** `(bucket, user_id, t)`, one row an event, all history up to the range's end. */
export const eventsIn = (params: LifecycleParams, context: AskContext, dialect: Dialect): Groups => {
  const range = { fromMicros: CALENDAR_FROM_MICROS, untilMicros: wholeRange(params).untilMicros }
  const micros = dialect.occurredAtMicros
  const counted = {
    columns: sql`user_id, ${timelineBucket(params, range, micros, dialect)} AS bucket, ${micros} AS t`,
    where: sql`project_id = ${context.project_id} AND ${matches(params.event_type)}
      AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}`,
    among: inTimeline(params, sql`bucket`),
    score: sql`COUNT(DISTINCT user_id)`
  }
  return groupEvents(params, counted, context, dialect)
}

/** `neighbours`: one row for each interval of a user, with what the user did in the ones beside it. */
export const neighboursSql = ({ key, source }: Groups): SqlText => sql`
  active AS (SELECT ${key}user_id, bucket, MIN(t) AS earliest FROM ${source} GROUP BY ${key}user_id, bucket),
  neighbours AS (
    SELECT ${key}user_id, bucket,
      earliest = MIN(earliest) OVER (PARTITION BY ${key}user_id) AS is_new,
      COALESCE(bucket - LAG(bucket) OVER (PARTITION BY ${key}user_id ORDER BY bucket) = 1, 1 = 0) AS was_active,
      COALESCE(LEAD(bucket) OVER (PARTITION BY ${key}user_id ORDER BY bucket) - bucket = 1, 1 = 0) AS stays
    FROM active
  )`

/** True for the rows of `neighbours` in the state; dormant is a row's user in the interval after it. */
export const isIn: Readonly<Record<State, SqlText>> = {
  new: sql`is_new`,
  returning: sql`NOT is_new AND was_active`,
  resurrecting: sql`NOT is_new AND NOT was_active`,
  dormant: sql`NOT stays`
}

const count = (state: State) => sql`COUNT(CASE WHEN ${isIn[state]} THEN 1 END)`

export const shapeLifecycle = (
  raw: ReadonlyArray<RawRow>,
  params: LifecycleParams,
  context: AskContext
): ReadonlyArray<LifecycleRow> =>
  shapeEach(raw, params, (rows) => {
    const byBucket = new Map(rows.map((row) => [integerOf(row, "bucket"), row]))
    const of = (bucket: number, column: string) => integerOf(byBucket.get(bucket) ?? {}, column)
    return timeBuckets(params, context.as_of).map(({ bucket, complete, date }) => ({
      date,
      new: of(bucket, "entered"),
      returning: of(bucket, "returning_users"),
      resurrecting: of(bucket, "resurrecting"),
      dormant: 0 - of(bucket - 1, "dormant"),
      complete
    }))
  })
