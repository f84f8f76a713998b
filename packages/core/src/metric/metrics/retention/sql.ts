import type { Dialect } from "../../Dialect.ts"
import { matches } from "../../events.ts"
import type { AskContext } from "../../Metric.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import type { RetentionParams } from "./model.ts"
import { onePassSql } from "./onePass.ts"
import { distanceOf, isWanted, lastSql, type Plan, planOf, returnedAt, returnsSql } from "./plan.ts"

/**
 * Rows `(cohort, cell, users)`: cell 0 is the cohort's size; a higher one its returning users, for `on-or-after`
 * those whose last return lies in it. The row with cell −1 names the last interval that holds any event.
 */
export const retentionSql = (params: RetentionParams, context: AskContext, dialect: Dialect): SqlText => {
  const plan = planOf(params, context, dialect)
  const oneNumberPerUser = params.measure === "on-or-after" || params.bucket === "calendar"
  return params.mode === "first-ever" && oneNumberPerUser ? onePassSql(plan) : joinedSql(plan)
}

const joinedSql = (plan: Plan): SqlText => sql`
  WITH cohorts AS (${cohortsSql(plan)}),
    returns AS (${plan.params.measure === "on" ? returnsSql(plan) : latestReturnsSql(plan)}),
    cells AS (${cellsSql(plan)})
  SELECT cohort, 0 AS cell, COUNT(*) AS users FROM cohorts GROUP BY cohort
  UNION ALL
  SELECT cohort, cell, COUNT(*) AS users FROM cells GROUP BY cohort, cell
  ${lastSql(plan)}`

/** `(user_id, anchor, cohort)`: the instant that cells are measured from and the interval that holds it. */
const cohortsSql = (plan: Plan): SqlText => {
  const { params, dialect, range } = plan
  const micros = dialect.occurredAtMicros
  const started = sql`${plan.ofProject} AND ${matches(params.start_event)}`
  const entries =
    params.mode === "recurring"
      ? sql`SELECT user_id, MIN(${micros}) AS anchor, ${plan.bucket(micros)} AS cohort FROM ${plan.source}
            WHERE ${started} AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)} GROUP BY user_id, 3`
      : sql`SELECT user_id, anchor, ${plan.bucket(sql`anchor`)} AS cohort
            FROM (SELECT user_id, MIN(${micros}) AS anchor FROM ${plan.source} WHERE ${started} GROUP BY user_id) AS firsts
            WHERE anchor >= ${range.fromMicros}`
  return sql`SELECT user_id, anchor, cohort FROM (${entries}) AS entries WHERE ${isWanted(plan)}`
}

const latestReturnsSql = (plan: Plan): SqlText => {
  const { params, dialect, range } = plan
  return sql`
    SELECT user_id, MAX(${returnedAt(plan)}) AS returned_at FROM ${plan.source}
    WHERE ${plan.ofProject} AND ${matches(params.return_event)} AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}
    GROUP BY user_id`
}

/** `(user_id, cohort, cell)`, each once. */
const cellsSql = (plan: Plan): SqlText => {
  const { bucket, measure, windows } = plan.params
  const pairs = sql`SELECT cohorts.user_id, cohort, ${distanceOf(plan)} AS distance FROM cohorts JOIN returns ON cohorts.user_id = returns.user_id`
  if (measure === "on-or-after") {
    return sql`SELECT user_id, cohort, LEAST(distance, ${windows - 1}) AS cell FROM (${pairs}) AS pairs WHERE distance >= 1 AND ${windows} > 1`
  }
  // Calendar pairs are unique already: one cohort row per user and interval, one return row per user and interval.
  return sql`SELECT ${bucket === "rolling" ? sql`DISTINCT` : sql``} user_id, cohort, distance AS cell FROM (${pairs}) AS pairs WHERE distance BETWEEN 1 AND ${windows - 1}`
}
