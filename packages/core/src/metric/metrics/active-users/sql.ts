import { groupEvents, type Groups } from "../../breakdown/index.ts"
import { inTimeline, timelineBucket, wholeRange } from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import { IDENTIFY } from "../../events.ts"
import type { AskContext } from "../../Metric.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import { type ActiveUsersParams, MONTH_DAYS, WEEK_DAYS } from "./model.ts"

/**
 * Rows `(bucket, users)`; rolling `(window_days, bucket, users)`, see {@link rollingSql}. Buckets outside the wanted range may
 * appear (a zone's clock ran back over midnight at its edge).
 */
export const activeUsersSql = (params: ActiveUsersParams, context: AskContext, dialect: Dialect): SqlText => {
  const groups = activeIn(params, context, dialect)
  return groups.answer(
    params.rolling
      ? rollingSql(groups)
      : sql`SELECT ${groups.key}bucket, COUNT(*) AS users FROM (${activeSql(groups)}) AS active GROUP BY ${groups.key}bucket`
  )
}

/** `(bucket, user_id)`, one row an event. */
export const activeIn = (params: ActiveUsersParams, context: AskContext, dialect: Dialect): Groups => {
  // Rolling windows begin earlier.
  const range = wholeRange(params, params.rolling ? MONTH_DAYS - 1 : 0)
  const counted = {
    columns: sql`${timelineBucket(params, range, dialect.occurredAtMicros, dialect)} AS bucket, user_id`,
    where: sql`project_id = ${context.project_id} AND event_type <> ${IDENTIFY} AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}`,
    among: inTimeline(params, sql`bucket`),
    score: sql`COUNT(DISTINCT user_id)`
  }
  return groupEvents(params, counted, context, dialect)
}

const activeSql = ({ key, source }: Groups): SqlText => sql`SELECT DISTINCT ${key}bucket, user_id FROM ${source}`

/**
 * Distinct users of trailing windows without a self-join: an active day makes its user count on that day and the six
 * after it, or until the next active day takes over. So each active day opens one stay, and the number of open
 * stays is the number of distinct users. Kinds: 0 active and opened on `bucket`, 7 and 30 stays that end before `bucket`.
 */
const rollingSql = (groups: Groups): SqlText => {
  const { key } = groups
  return sql`
    WITH gaps AS (
      SELECT ${key}bucket, LEAD(bucket) OVER (PARTITION BY ${key}user_id ORDER BY bucket) - bucket AS gap
      FROM (${activeSql(groups)}) AS active
    ), daily AS (
      SELECT ${key}bucket, gap, COUNT(*) AS users FROM (
        SELECT ${key}bucket, LEAST(COALESCE(gap, ${MONTH_DAYS}), ${MONTH_DAYS}) AS gap FROM gaps
      ) AS capped
      GROUP BY ${key}bucket, gap
    ), shifted AS (
      SELECT ${key}0 AS window_days, bucket, users FROM daily
      UNION ALL
      SELECT ${key}${WEEK_DAYS} AS window_days, bucket + LEAST(gap, ${WEEK_DAYS}) AS bucket, users FROM daily
      UNION ALL
      SELECT ${key}${MONTH_DAYS} AS window_days, bucket + gap AS bucket, users FROM daily
    )
    SELECT ${key}window_days, bucket, SUM(users) AS users FROM shifted GROUP BY ${key}window_days, bucket`
}
