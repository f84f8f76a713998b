import { startOfInterval } from "../../calendar.ts"
import { matches } from "../../events.ts"
import { join, sql, type SqlText } from "../../SqlText.ts"
import { distanceOf, isWanted, lastSql, type Plan, returnedAt, returnsSql } from "./plan.ts"

/** Intervals that fit into the bits of a positive 64-bit integer. */
const MASK_BITS = 62

/**
 * First-ever cohorts whose returns fit into one number per user, so that one pass over the events gives both: the
 * latest return (`on-or-after`), or a bit for each of the first intervals (`on`).
 */
export const onePassSql = (plan: Plan): SqlText => (plan.params.measure === "on" ? markedSql(plan) : latestSql(plan))

/** `(user_id, anchor, returned, latest)`; `latest` is the last interval's distance from the first. */
const usersSql = (plan: Plan, returned: SqlText): SqlText => {
  const { params, dialect } = plan
  const micros = dialect.occurredAtMicros
  const started = matches(params.start_event)
  const same = params.start_event === params.return_event
  return sql`
    SELECT user_id, MIN(${same ? micros : sql`CASE WHEN ${started} THEN ${micros} END`}) AS anchor,
      ${returned} AS returned, MAX(position) AS latest
    FROM (
      SELECT user_id, event_type, occurred_at, ${plan.everBucket(micros)} - ${plan.first} AS position FROM ${plan.source}
      WHERE ${plan.ofProject} AND ${same ? started : sql`(${started} OR ${matches(params.return_event)})`}
    ) AS placed
    GROUP BY user_id`
}

/** Where any event counts, the pass over the users saw the last interval as well. */
const lastSeenSql = (plan: Plan, source: SqlText) => {
  const { last, params } = plan
  const seen = last === undefined && params.start_event === undefined && params.return_event === undefined
  return seen
    ? sql`UNION ALL SELECT MAX(latest) + ${plan.first} AS cohort, -1 AS cell, 0 AS users FROM ${source}`
    : lastSql(plan)
}

const cohortOf = (plan: Plan) => sql`CASE WHEN anchor >= ${plan.range.fromMicros} THEN ${plan.bucket(sql`anchor`)} END`

const latestSql = (plan: Plan): SqlText => {
  const { dialect, params, range } = plan
  const within = sql`${matches(params.return_event)} AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}`
  return sql`
    WITH users AS (${usersSql(plan, sql`MAX(CASE WHEN ${within} THEN ${returnedAt(plan)} END)`)}), cohorts AS (
      SELECT anchor, cohort, returned FROM (SELECT anchor, ${cohortOf(plan)} AS cohort, returned FROM users) AS entries
      WHERE ${isWanted(plan)}
    )
    SELECT cohort, 0 AS cell, COUNT(*) AS users FROM cohorts GROUP BY cohort
    ${params.windows === 1 ? sql`` : latestCells(plan)}
    ${lastSeenSql(plan, sql`users`)}`
}

/** A user's last return counts in the cell that holds it and in every one before. */
const latestCells = (plan: Plan) => sql`
  UNION ALL
  SELECT cohort, LEAST(distance, ${plan.params.windows - 1}) AS cell, COUNT(*) AS users
  FROM (SELECT cohort, ${distanceOf(plan)} AS distance FROM (
    SELECT cohort, anchor, returned AS returned_at FROM cohorts WHERE returned IS NOT NULL
  ) AS latest) AS distances
  WHERE distance >= 1
  GROUP BY 1, 2`

/** Users with the same cohort and the same bits are one row from then on: cells are counted on a few thousand rows. */
const markedSql = (plan: Plan): SqlText => sql`
  WITH marked AS (
    SELECT cohort, returned, COUNT(*) AS users, MAX(latest) AS latest
    FROM (SELECT ${cohortOf(plan)} AS cohort, returned, latest FROM (${usersSql(plan, maskOf(plan))}) AS users) AS entries
    GROUP BY cohort, returned
  )
  SELECT cohort, 0 AS cell, SUM(users) AS users FROM marked WHERE ${isWanted(plan)} GROUP BY cohort
  ${plan.params.windows === 1 ? sql`` : sql`${markedCells(plan)} ${laterCells(plan)}`}
  ${lastSeenSql(plan, sql`marked`)}`

/** The interval is tested rather than the instant: a clock that ran back can show a date before the first. */
const maskOf = ({ dialect, params }: Plan) => {
  const named = params.start_event === params.return_event ? sql`` : sql`${matches(params.return_event)} AND `
  return dialect.bitOr(
    sql`CASE WHEN ${named}position BETWEEN 0 AND ${MASK_BITS - 1} THEN ${dialect.bitAt(sql`position`)} ELSE 0 END`
  )
}

const markedCells = (plan: Plan) => {
  const { dialect, first, params } = plan
  const cells = Array.from({ length: Math.min(params.windows, MASK_BITS) - 1 }, (_, index) => sql`(${index + 1})`)
  return sql`
    UNION ALL
    SELECT cohort, cell, SUM(users) AS users
    FROM marked CROSS JOIN (VALUES ${join(cells, sql`, `)}) AS cells (cell)
    WHERE ${isWanted(plan)} AND cohort - ${first} + cell < ${MASK_BITS}
      AND ${dialect.hasBit(sql`returned`, sql`(cohort - ${first} + cell)`)}
    GROUP BY cohort, cell`
}

/** Returns beyond the bits, joined as usual, for the users who have any: mostly nobody, and then nothing is scanned. */
const laterCells = (plan: Plan) => {
  const { dialect, first, params, range } = plan
  const { interval, tz, week_start, windows } = params
  const beyond = startOfInterval(tz, first + MASK_BITS, interval, week_start)
  const later = returnsSql(plan, Math.min(beyond, range.untilMicros))
  return sql`
    UNION ALL
    SELECT cohort, returned_at - cohort AS cell, COUNT(*) AS users
    FROM (
      SELECT user_id, ${cohortOf(plan)} AS cohort FROM (
        SELECT user_id, MIN(${dialect.occurredAtMicros}) AS anchor FROM ${plan.source}
        WHERE ${plan.ofProject} AND ${matches(params.start_event)} AND user_id IN (SELECT user_id FROM (${later}) AS returned)
        GROUP BY user_id
      ) AS firsts
    ) AS cohorts
    JOIN (${later}) AS later ON cohorts.user_id = later.user_id
    WHERE ${isWanted(plan)} AND returned_at >= ${first + MASK_BITS} AND returned_at - cohort BETWEEN 1 AND ${windows - 1}
    GROUP BY 1, 2`
}
