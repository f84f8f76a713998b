import type { Coming } from "../../Dialect.ts"
import { join, sql, type SqlText } from "../../SqlText.ts"
import { isStart, named, type Plan } from "./plan.ts"

/** One row for each start; each step's first event from the start on; the steps reached, put in the order of their times. */
export const anyOrderSql = (plan: Plan): SqlText => {
  const steps = plan.params.steps.map((_, index) => index + 1)
  const reached = steps.map((step) => sql`SELECT user_id, e0, ${step} AS step, ${named("t", step)} AS t FROM chosen`)
  const times = steps.map((step) => sql`MAX(CASE WHEN nth = ${step} THEN ordered.t END) AS ${named("t", step)}`)
  const found = steps.map((step) => sql`CASE WHEN ${named("t", step)} IS NULL THEN 0 ELSE 1 END`)
  return sql`
    chain0 AS (SELECT user_id, t AS t0, id AS e0, kind, label, amount FROM found WHERE ${isStart(plan)}),
    ${join(
      steps.map((step) => stepSql(plan, step)),
      sql`, `
    )},
    chosen AS (
      SELECT * FROM (
        SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY ${join(found, sql` + `)} DESC, t0, e0) AS choice
        FROM ${named("chain", steps.length)}
      ) AS choices
      WHERE choice = 1
    ),
    ordered AS (
      SELECT user_id, t, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY t, step) AS nth
      FROM (${join(reached, sql` UNION ALL `)}) AS reached WHERE t IS NOT NULL
    ),
    best AS (
      SELECT ordered.user_id, MIN(kind) AS kind, MIN(label) AS label, MIN(amount) AS amount, ${join(times, sql`, `)}
      FROM ordered JOIN chosen ON ordered.user_id = chosen.user_id
      GROUP BY ordered.user_id
    )`
}

const stepSql = ({ dialect, window }: Plan, step: number): SqlText => {
  const before = { rows: named("chain", step - 1), name: sql`before`, time: sql`before.t0` }
  const first: Coming = {
    rows: sql`(SELECT DISTINCT user_id, t FROM found WHERE ${named("m", step)})`,
    name: sql`first_one`,
    columns: ["t"]
  }
  return sql`
  ${named("chain", step)} AS (
    SELECT before.*, CASE WHEN first_one.t <= before.t0 + ${window} THEN first_one.t END AS ${named("t", step)}
    FROM ${dialect.withNext(before, first)}
  )`
}
