import { placedSql, rankedSql } from "../../breakdown.ts"
import type { Dialect } from "../../Dialect.ts"
import type { AskContext } from "../../Metric.ts"
import { join, sql, type SqlText } from "../../SqlText.ts"
import { anyOrderSql } from "./anyOrder.ts"
import { inOrderSql } from "./inOrder.ts"
import type { FunnelParams } from "./model.ts"
import { foundSql, named, planOf, type Plan, userValuesSql } from "./plan.ts"

/**
 * Rows `(place, step, users, micros, median)`: how many users reached a step, and the sum and median of what they took
 * from the one before. With a breakdown also rows with null for `step` that say what a place is.
 *
 * The best attempt of each user is in `best`: `(user_id, kind, label, amount, t1 … tn)`, null from the first step not
 * reached on.
 */
export const funnelSql = (params: FunnelParams, context: AskContext, dialect: Dialect): SqlText => {
  const plan = planOf(params, context, dialect)
  const attempts = params.order === "any" ? anyOrderSql(plan) : inOrderSql(plan)
  const tables = sql`WITH found AS (${foundSql(plan)}), ${attempts}`
  if (params.breakdown === undefined) return sql`${tables} ${stepsSql(plan, sql`best`, sql`0`)}`
  return sql`
    ${tables}, valued AS (${valuedSql(plan)}),
      named AS (${rankedSql(sql`valued`, sql`COUNT(*)`)}),
      placed AS (${placedSql(sql`valued`, sql`named`)})
    ${stepsSql(plan, sql`placed`, sql`place`)}
    UNION ALL
    SELECT place, NULL, 0, NULL, NULL, kind, ${dialect.text(sql`label`)}, amount FROM named`
}

const valuedSql = (plan: Plan): SqlText => {
  if (plan.params.breakdown_of === "event") return sql`SELECT * FROM best`
  const times = plan.params.steps.map((_, index) => named("t", index + 1))
  return sql`
    SELECT best.user_id, ${join(times, sql`, `)}, COALESCE(own.kind, 0) AS kind, COALESCE(own.label, '') AS label,
      COALESCE(own.amount, ${plan.dialect.double(0)}) AS amount
    FROM best LEFT JOIN (${userValuesSql(plan)}) AS own ON best.user_id = own.user_id`
}

const stepsSql = ({ dialect, params }: Plan, source: SqlText, place: SqlText): SqlText => {
  const steps = params.steps.map((_, index) => {
    const at = named("t", index + 1)
    const took = sql`${at} - ${named("t", Math.max(1, index))}`
    return sql`
      SELECT ${place} AS place, ${index + 1} AS step, COUNT(${at}) AS users, SUM(${took}) AS micros,
        ${dialect.median(took)} AS median, 0 AS kind, ${dialect.text(sql`''`)} AS label, ${dialect.double(0)} AS amount
      FROM ${source} GROUP BY 1`
  })
  return join(steps, sql` UNION ALL `)
}
