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

/** Distinct users per day, week (from Monday) or month. */
export const distinctBy = (range: Range, unit: "day" | "week" | "month"): ReadonlyArray<SqlText> => {
  const bucket = unit === "day" ? sql`occurred_at::DATE` : sql`date_trunc(${unit}, occurred_at)`
  const number =
    unit === "month"
      ? sql`year(occurred_at) * 12 + month(occurred_at)`
      : sql`(epoch_us(occurred_at) + ${unit === "week" ? 3 * DAY : 0}) // ${unit === "week" ? 7 * DAY : DAY}`
  return [
    sql`SELECT ${bucket} AS bucket, COUNT(DISTINCT user_id) AS users FROM events WHERE ${during(range)} GROUP BY 1`,
    sql`SELECT bucket, COUNT(*) AS users FROM (SELECT DISTINCT ${bucket} AS bucket, user_id FROM events WHERE ${during(range)}) GROUP BY 1`,
    sql`SELECT bucket, COUNT(*) AS users FROM (SELECT DISTINCT ${number} AS bucket, user_id FROM events WHERE ${during(range)}) GROUP BY 1`
  ]
}

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

const STEPS_WINDOW = 7 * DAY

/**
 * Users of type-0, then type-1, then type-2 within seven days of the first; the best attempt of each. Without
 * `t2 IS NOT NULL` DuckDB 1.5.6 gives a wrong number: its as-of join matches NULL to any row.
 */
export const threeSteps = (range: Range): ReadonlyArray<SqlText> => {
  const steps = sql`SELECT user_id, epoch_us(occurred_at) AS t, event_type FROM events
    WHERE ${during({ ...range, until: range.until + STEPS_WINDOW })} AND event_type IN ('type-0', 'type-1', 'type-2')`
  const counts = sql`SELECT COUNT(*) AS one, COUNT(*) FILTER (depth >= 2) AS two, COUNT(*) FILTER (depth >= 3) AS three`
  return [
    // The latest start of each step, carried along the user's events in order.
    sql`WITH steps AS (${steps}), firsts AS (
          SELECT *, MAX(t) FILTER (event_type = 'type-0') OVER user_events AS s1 FROM steps
          WINDOW user_events AS (PARTITION BY user_id ORDER BY t, event_type)
        ), seconds AS (
          SELECT *, MAX(CASE WHEN event_type = 'type-1' AND t - s1 <= ${STEPS_WINDOW} THEN s1 END) OVER user_events AS s2 FROM firsts
          WINDOW user_events AS (PARTITION BY user_id ORDER BY t, event_type)
        ), users AS (
          SELECT user_id, MAX(CASE WHEN event_type = 'type-2' AND t - s2 <= ${STEPS_WINDOW} THEN 3 WHEN s2 IS NOT NULL THEN 2 WHEN s1 IS NOT NULL THEN 1 END) AS depth
          FROM seconds GROUP BY user_id HAVING depth IS NOT NULL
        )
        ${counts} FROM users`,
    sql`WITH steps AS (${steps}), starts AS (SELECT DISTINCT user_id, t AS t1 FROM steps WHERE event_type = 'type-0'),
        seconds AS (SELECT starts.user_id, t1, t AS t2 FROM starts ASOF LEFT JOIN (SELECT user_id, t FROM steps WHERE event_type = 'type-1') AS b
          ON starts.user_id = b.user_id AND t1 <= t),
        thirds AS (SELECT seconds.user_id, t1, t2, t AS t3 FROM seconds ASOF LEFT JOIN (SELECT user_id, t FROM steps WHERE event_type = 'type-2') AS c
          ON seconds.user_id = c.user_id AND t2 <= t),
        users AS (SELECT user_id, MAX(CASE WHEN t2 IS NOT NULL AND t3 - t1 <= ${STEPS_WINDOW} THEN 3 WHEN t2 - t1 <= ${STEPS_WINDOW} THEN 2 ELSE 1 END) AS depth FROM thirds GROUP BY user_id)
        ${counts} FROM users`
  ]
}

/** Events per day of the 25 most frequent paths and of all others. */
export const dailyByPath = (range: Range): ReadonlyArray<SqlText> => {
  const counted = sql`SELECT occurred_at::DATE AS day, properties->>'$.path' AS path, COUNT(*) AS events FROM events WHERE ${during(range)} GROUP BY ALL`
  return [
    sql`WITH counted AS (${counted}),
        best AS (SELECT path FROM counted WHERE path IS NOT NULL GROUP BY path ORDER BY SUM(events) DESC, path LIMIT 25)
        SELECT CASE WHEN path IS NULL THEN '$none' WHEN path IN (FROM best) THEN path ELSE '$other' END AS label, day, SUM(events) AS events
        FROM counted GROUP BY ALL`
  ]
}

/** Distinct users per day of the 25 paths with the most users, and of all others. */
export const dailyUsersByPath = (range: Range): ReadonlyArray<SqlText> => {
  const seen = sql`SELECT occurred_at::DATE AS day, properties->>'$.path' AS path, user_id FROM events WHERE ${during(range)}`
  const labelled = sql`CASE WHEN path IS NULL THEN '$none' WHEN path IN (FROM best) THEN path ELSE '$other' END AS label`
  const best = sql`SELECT path FROM seen WHERE path IS NOT NULL GROUP BY path ORDER BY COUNT(DISTINCT user_id) DESC, path LIMIT 25`
  const distinct = sql`SELECT label, day, COUNT(DISTINCT user_id) AS users FROM (SELECT ${labelled}, day, user_id FROM seen) AS all_labels GROUP BY ALL`
  return [
    sql`WITH seen AS (${seen}), best AS (${best}) ${distinct}`,
    sql`WITH seen AS MATERIALIZED (${seen}), best AS (${best}) ${distinct}`,
    sql`WITH seen AS MATERIALIZED (${seen} GROUP BY ALL), best AS (${best}) ${distinct}`,
    sql`WITH seen AS MATERIALIZED (${seen} GROUP BY ALL), best AS (${best})
        SELECT label, day, COUNT(*) AS users FROM (SELECT DISTINCT ${labelled}, day, user_id FROM seen) AS counted GROUP BY ALL`
  ]
}
