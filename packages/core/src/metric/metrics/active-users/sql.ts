import { type InstantRange, slotOf, wholeRange } from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import { IDENTIFY } from "../../events.ts"
import type { AskContext } from "../../Metric.ts"
import { eventsOf } from "../../source.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import { type ActiveUsersParams, MONTH_DAYS, WEEK_DAYS } from "./model.ts"

/**
 * Rows `(bucket, users)`; rolling `(kind, bucket, users)`, see {@link rollingSql}. Buckets outside the wanted range may
 * appear (a zone's clock ran back over midnight at its edge).
 */
export const activeUsersSql = (params: ActiveUsersParams, context: AskContext, dialect: Dialect): SqlText => {
  // Rolling windows begin earlier.
  const range = wholeRange(params, params.rolling ? MONTH_DAYS - 1 : 0)
  const bucket = slotOf(params, range, dialect.occurredAtMicros, dialect)
  const active = sql`
    SELECT DISTINCT ${bucket} AS bucket, user_id FROM ${eventsOf(params, dialect)}
    WHERE ${scope(context, range, dialect)}`
  return params.rolling
    ? rollingSql(active)
    : sql`SELECT bucket, COUNT(*) AS users FROM (${active}) AS active GROUP BY bucket`
}

const scope = (context: AskContext, range: InstantRange, dialect: Dialect) =>
  sql`project_id = ${context.project_id} AND event_type <> ${IDENTIFY} AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}`

/**
 * Distinct users of trailing windows without a self-join: an active day makes its user count on that day and the six
 * after it, or until the next active day takes over. So each active day opens one span, and the number of open
 * spans is the number of distinct users. Kinds: 0 active and opened on `bucket`, 7 and 30 spans that end before `bucket`.
 */
const rollingSql = (active: SqlText): SqlText => sql`
  WITH spans AS (
    SELECT bucket, LEAD(bucket) OVER (PARTITION BY user_id ORDER BY bucket) - bucket AS gap FROM (${active}) AS active
  ), daily AS (
    SELECT bucket, gap, COUNT(*) AS users FROM (
      SELECT bucket, LEAST(COALESCE(gap, ${MONTH_DAYS}), ${MONTH_DAYS}) AS gap FROM spans
    ) AS capped
    GROUP BY bucket, gap
  )
  SELECT 0 AS kind, bucket, SUM(users) AS users FROM daily GROUP BY bucket
  UNION ALL
  SELECT ${WEEK_DAYS} AS kind, bucket + LEAST(gap, ${WEEK_DAYS}), SUM(users) FROM daily GROUP BY 2
  UNION ALL
  SELECT ${MONTH_DAYS} AS kind, bucket + gap, SUM(users) FROM daily GROUP BY 2`
