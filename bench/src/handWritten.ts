import { sql, type SqlText } from "@millrace/core"

export interface Range {
  readonly project_id: string
  /** UTC microseconds. */
  readonly from: number
  readonly until: number
}

const during = ({ project_id, from, until }: Range): SqlText =>
  sql`project_id = ${project_id} AND event_type <> '$identify' AND occurred_at >= make_timestamp(${from}) AND occurred_at < make_timestamp(${until})`

const DAY = 86_400_000_000

/** What somebody who knows DuckDB would write for daily users; all give the same figures. */
export const dailyUsers = (range: Range): ReadonlyArray<SqlText> => [
  sql`SELECT occurred_at::DATE AS day, COUNT(DISTINCT user_id) AS users FROM events WHERE ${during(range)} GROUP BY 1`,
  sql`SELECT date_trunc('day', occurred_at) AS day, COUNT(DISTINCT user_id) AS users FROM events WHERE ${during(range)} GROUP BY 1`,
  sql`SELECT day, COUNT(*) AS users FROM (SELECT DISTINCT occurred_at::DATE AS day, user_id FROM events WHERE ${during(range)}) GROUP BY 1`,
  sql`SELECT day, COUNT(*) AS users FROM (SELECT DISTINCT epoch_us(occurred_at) // ${DAY} AS day, user_id FROM events WHERE ${during(range)}) GROUP BY 1`
]

export const topEvents = (range: Range): ReadonlyArray<SqlText> => [
  sql`SELECT event_type, COUNT(*) AS events, COUNT(DISTINCT user_id) AS users FROM events WHERE ${during(range)}
      GROUP BY event_type ORDER BY events DESC, event_type LIMIT 10`,
  sql`SELECT event_type, SUM(events) AS events, COUNT(*) AS users
      FROM (SELECT event_type, user_id, COUNT(*) AS events FROM events WHERE ${during(range)} GROUP BY ALL)
      GROUP BY event_type ORDER BY events DESC, event_type LIMIT 10`
]

const WEEK = 7 * DAY
/** 1970-01-01 was a Thursday: three days later than the Monday that starts its week. */
const MONDAY = 3 * DAY

/** Weekly cohorts by first event ever, users who return in week k; the range starts and ends on Mondays. */
export const weeklyRetention = (range: Range): ReadonlyArray<SqlText> => {
  const first = Math.floor((range.from + MONDAY) / WEEK)
  const all = sql`project_id = ${range.project_id} AND event_type <> '$identify'`
  return [
    sql`WITH firsts AS (SELECT user_id, date_trunc('week', MIN(occurred_at)) AS cohort FROM events WHERE ${all} GROUP BY user_id),
        weeks AS (SELECT DISTINCT user_id, date_trunc('week', occurred_at) AS week FROM events WHERE ${during(range)})
        SELECT cohort, date_diff('week', cohort, week) AS k, COUNT(*) AS users
        FROM firsts JOIN weeks USING (user_id) WHERE cohort >= make_timestamp(${range.from}) GROUP BY ALL HAVING k < 12`,
    sql`WITH firsts AS (SELECT user_id, (MIN(epoch_us(occurred_at)) + ${MONDAY}) // ${WEEK} AS cohort FROM events WHERE ${all} GROUP BY user_id),
        weeks AS (SELECT DISTINCT user_id, (epoch_us(occurred_at) + ${MONDAY}) // ${WEEK} AS week FROM events WHERE ${during(range)})
        SELECT cohort, week - cohort AS k, COUNT(*) AS users
        FROM firsts JOIN weeks USING (user_id) WHERE cohort >= ${first} AND week - cohort < 12 GROUP BY ALL`,
    sql`WITH weeks AS (SELECT user_id, (epoch_us(occurred_at) + ${MONDAY}) // ${WEEK} AS week FROM events WHERE ${all} GROUP BY ALL),
        cohorts AS (SELECT user_id, week, MIN(week) OVER (PARTITION BY user_id) AS cohort FROM weeks)
        SELECT cohort, week - cohort AS k, COUNT(*) AS users FROM cohorts WHERE cohort >= ${first} AND week - cohort < 12 GROUP BY ALL`,
    // The fastest known, for somebody who knows that no event lies before the range and at most 62 weeks after its start.
    sql`WITH users AS (SELECT user_id, MIN(occurred_at) AS first, BIT_OR(1::BIGINT << ((epoch_us(occurred_at) - ${range.from}) // ${WEEK})) AS weeks
          FROM events WHERE ${all} GROUP BY user_id),
        cohorts AS (SELECT (epoch_us(first) - ${range.from}) // ${WEEK} AS cohort, weeks FROM users)
        SELECT cohort, k, COUNT(*) AS users FROM cohorts, range(12) cells(k) WHERE (weeks >> (cohort + k)) & 1 = 1 GROUP BY ALL`
  ]
}
