import type { Dialect } from "../../Dialect.ts"
import type { AskContext } from "../../Metric.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import { groupEvents, type Groups, shapeEach } from "../../breakdown/index.ts"
import { dayOfDate, inTimeline, timeBuckets, timelineBucket, wholeRange } from "../../calendar.ts"
import { IDENTIFY } from "../../events.ts"
import { type ActiveUsersCounts, type ActiveUsersParams, type ActiveUsersRow, MONTH_DAYS, WEEK_DAYS } from "./model.ts"
import { integerOf, ratio, type RawRow } from "../../rows.ts"

/**
 * Rows `(bucket, users)`; rolling `(window_days, bucket, users)`, see {@link rollingSql}. Buckets outside the wanted
 * range may appear (a zone's clock ran back over midnight at its edge).
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

/** Fills the gaps and adds `complete`. */
export const shapeActiveUsers = (
  raw: ReadonlyArray<RawRow>,
  params: ActiveUsersParams,
  context: AskContext
): ReadonlyArray<ActiveUsersRow> =>
  shapeEach(raw, params, (rows) => (params.rolling ? shapeRolling : shapePlain)(rows, params, context))

const shapePlain = (raw: ReadonlyArray<RawRow>, params: ActiveUsersParams, context: AskContext) => {
  const users = new Map(raw.map((row) => [integerOf(row, "bucket"), integerOf(row, "users")]))
  return timeBuckets(params, context.as_of).map(({ bucket, complete, date }) => ({
    date,
    users: users.get(bucket) ?? 0,
    complete
  }))
}

const shapeRolling = (raw: ReadonlyArray<RawRow>, params: ActiveUsersParams, context: AskContext) => {
  const byWindow = new Map<number, Map<number, number>>()
  for (const row of raw) {
    const windowDays = integerOf(row, "window_days")
    if (!byWindow.has(windowDays)) byWindow.set(windowDays, new Map())
    byWindow.get(windowDays)!.set(integerOf(row, "bucket"), integerOf(row, "users"))
  }
  const on = (windowDays: number, day: number) => byWindow.get(windowDays)?.get(day) ?? 0
  const rows: Array<ActiveUsersCounts> = []
  let [wau, mau] = [0, 0]
  const advance = (day: number) => {
    wau += on(0, day) - on(WEEK_DAYS, day)
    mau += on(0, day) - on(MONTH_DAYS, day)
  }
  const first = dayOfDate(params.from)
  for (let day = first - MONTH_DAYS; day < first; day++) advance(day)
  for (const { bucket, complete, date } of timeBuckets(params, context.as_of)) {
    advance(bucket)
    const users = on(0, bucket)
    rows.push({ date, users, complete, wau, mau, dau_wau: ratio(users, wau), dau_mau: ratio(users, mau) })
  }
  return rows
}
