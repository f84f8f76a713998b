import type { Groups } from "../../breakdown/index.ts"
import type { Dialect } from "../../Dialect.ts"
import { matches } from "../../events.ts"
import type { AskContext } from "../../Metric.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import { cohortsOf } from "./cohorts.ts"
import type { RetentionParams } from "./model.ts"
import { onePassSql } from "./onePass.ts"
import { distanceOf, lastSql, type Plan, planOf, returnedAt, returnsSql } from "./plan.ts"

/**
 * Rows `(cohort, cell, users)`: cell 0 is the cohort's size; a higher one its returning users, for `on-or-after`
 * those whose last return lies in it. The row with cell −1 names the last interval that holds any event.
 */
export const retentionSql = (params: RetentionParams, context: AskContext, dialect: Dialect): SqlText => {
  const plan = planOf(params, context, dialect)
  const oneNumberPerUser = params.measure === "on-or-after" || params.bucket === "calendar"
  const plain = params.breakdown === undefined && params.minimum_occurrences === 1
  return plain && params.mode === "first-ever" && oneNumberPerUser
    ? onePassSql(plan)
    : joinedSql(plan, cohortsOf(plan, context))
}

const joinedSql = (plan: Plan, groups: Groups): SqlText =>
  groups.answer(sql`
    WITH ${cellsSql(plan, groups)}
    SELECT ${groups.key}cohort, 0 AS cell, COUNT(*) AS users FROM cohorts GROUP BY ${groups.key}cohort
    UNION ALL
    SELECT ${groups.key}cohort, cell, COUNT(*) AS users FROM cells GROUP BY ${groups.key}cohort, cell
    ${lastSql(plan, groups.everyKey)}`)

/**
 * `cohorts`, and `cells`: `(user_id, cohort, cell)`, one row for each cell from 1 on that the user returned in, or for
 * `on-or-after` one for the last of them.
 */
export const cellsSql = (plan: Plan, { key, source }: Groups): SqlText => {
  const { bucket, measure, minimum_occurrences: least, windows } = plan.params
  const reached = sql`distance >= 1 ${measure === "on" ? sql`AND distance < ${windows}` : sql``}`
  const each = sql`${key}user_id, cohort, distance`
  const counted = bucket === "rolling" && least > 1 ? sql`HAVING COUNT(*) >= ${least}` : sql``
  const cells =
    measure === "on"
      ? sql`SELECT ${key}user_id, cohort, distance AS cell FROM returned`
      : sql`SELECT ${key}user_id, cohort, LEAST(MAX(distance), ${windows - 1}) AS cell FROM returned
            WHERE ${windows} > 1 GROUP BY ${key}user_id, cohort`
  return sql`
    cohorts AS (SELECT * FROM ${source}),
    returns AS (${measure === "on" ? returnsSql(plan) : latestReturnsSql(plan)}),
    pairs AS (
      SELECT ${key}cohorts.user_id, cohort, ${distanceOf(plan)} AS distance
      FROM cohorts JOIN returns ON cohorts.user_id = returns.user_id
    ),
    returned AS (SELECT ${each} FROM pairs WHERE ${reached} GROUP BY ${each} ${counted}),
    cells AS (${cells})`
}

/** Of a user the latest return alone, where that can be said before the cohort is known. */
const latestReturnsSql = (plan: Plan): SqlText => {
  const { dialect, ofProject, params, range, source } = plan
  if (params.minimum_occurrences === 1) {
    return sql`
      SELECT user_id, MAX(${returnedAt(plan)}) AS returned_at FROM ${source}
      WHERE ${ofProject} AND ${matches(params.return_event)} AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}
      GROUP BY user_id`
  }
  if (params.bucket === "rolling") return returnsSql(plan)
  return sql`SELECT user_id, MAX(returned_at) AS returned_at FROM (${returnsSql(plan)}) AS enough GROUP BY user_id`
}
