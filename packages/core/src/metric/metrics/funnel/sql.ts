import { groupRows, type Groups, wholeOf, withUserValues } from "../../breakdown/index.ts"
import type { Dialect } from "../../Dialect.ts"
import type { AskContext } from "../../Metric.ts"
import { join, sql, type SqlText } from "../../SqlText.ts"
import { anyOrderSql } from "./anyOrder.ts"
import { inOrderSql } from "./inOrder.ts"
import type { FunnelParams } from "./model.ts"
import { foundSql, named, planOf } from "./plan.ts"

/** Rows `(step, users, micros, median)`: how many users reached a step, and the sum and median of what they took from the one before. */
export const funnelSql = (params: FunnelParams, context: AskContext, dialect: Dialect): SqlText => {
  const groups = attemptsOf(params, context, dialect)
  const steps = params.steps.map((_, index) => {
    const at = named("t", index + 1)
    const took = sql`${at} - ${named("t", Math.max(1, index))}`
    return sql`
      SELECT ${groups.key}${index + 1} AS step, COUNT(${at}) AS users, SUM(${took}) AS micros, ${dialect.median(took)} AS median
      FROM attempts ${groups.grouped}`
  })
  return groups.answer(sql`WITH attempts AS (SELECT * FROM ${groups.source}) ${join(steps, sql` UNION ALL `)}`)
}

/** `(user_id, t1 … tn)`: the best attempt of each user, null from the first step not reached on. */
export const attemptsOf = (params: FunnelParams, context: AskContext, dialect: Dialect): Groups => {
  const plan = planOf(params, context, dialect)
  const times = join(
    params.steps.map((_, index) => named("t", index + 1)),
    sql`, `
  )
  const best = (columns: SqlText) => sql`
    WITH found AS (${foundSql(plan)}), ${params.order === "any" ? anyOrderSql(plan) : inOrderSql(plan)}
    SELECT ${columns} FROM best`
  const own = sql`user_id, ${times}`
  if (params.breakdown === undefined) return wholeOf(sql`(${best(own)}) AS attempted`)
  const ranking = { score: sql`COUNT(*)`, wanted: params.breakdown_value }
  if (params.breakdown_of === "event") return groupRows(best(sql`${own}, kind, label, amount`), ranking, dialect)
  return groupRows(withUserValues(best(own), params, context, dialect), ranking, dialect)
}
