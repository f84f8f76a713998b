import type { Coming } from "../../Dialect.ts"
import { join, sql, type SqlText } from "../../SqlText.ts"
import { isStart, named, type Plan } from "./plan.ts"

/**
 * Where an event may be several steps. `chain‹n›` holds the attempts that reach step n: `(user_id, start, t1, t, used)`.
 *
 * **Details**
 *
 * Events are known by their place in their user's order, `pos`. What an attempt has used can only stand in its way at the
 * instant where it is, `t`; so `used` names the events of that instant alone, and as many of the step's events there as
 * there are steps are enough to look through. Everything is joined by an instant or to the one row that comes next: a
 * user's attempts never meet all of the user's events.
 */
export const overlappingSql = (plan: Plan): SqlText => {
  const { dialect, params } = plan
  const later = params.steps.slice(1).map((_, index) => stepSql(plan, index + 2))
  return sql`
    placed AS (SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY t, id) AS pos FROM found),
    chain1 AS (SELECT user_id, pos AS start, t AS t1, t, ${dialect.listOf(sql`pos`)} AS used FROM placed WHERE ${isStart(plan)}),
    ${join(later, sql`, `)},
    best AS (${bestSql(plan)})`
}

const stepSql = (plan: Plan, step: number): SqlText => {
  const { dialect, params, window } = plan
  const [events, picks] = [named("events", step), named("picks", step)]
  const earlier = named("chain", step - 1)
  const reached = { rows: earlier, name: sql`reached`, time: sql`reached.t + 1` }
  const later: Coming = {
    rows: sql`(SELECT user_id, t, pos FROM ${events} WHERE nth = 1)`,
    name: sql`later`,
    columns: ["t", "pos"]
  }
  const isStrict = params.order === "strict"
  const directly = isStrict ? sql`AND (nexts.next IS NULL OR later.t <= nexts.next)` : sql``
  return sql`
    ${events} AS (
      SELECT user_id, t, pos, ROW_NUMBER() OVER (PARTITION BY user_id, t ORDER BY pos) AS nth
      FROM placed WHERE ${named("m", step)}
    ),
    ${picks} AS (
      SELECT reached.user_id, reached.start, MIN(one.pos) AS pos
      FROM ${earlier} AS reached JOIN ${events} AS one ON reached.user_id = one.user_id AND reached.t = one.t
      WHERE one.nth <= ${step} AND NOT ${dialect.listHolds(sql`reached.used`, sql`one.pos`)}
      GROUP BY reached.user_id, reached.start
    ),
    ${named("chain", step)} AS (
      SELECT reached.user_id, reached.start, reached.t1, CASE WHEN pick.pos IS NULL THEN later.t ELSE reached.t END AS t,
        CASE WHEN pick.pos IS NULL THEN ${dialect.listOf(sql`later.pos`)} ELSE ${dialect.listAppended(sql`reached.used`, sql`pick.pos`)} END AS used
      FROM ${dialect.withNext(reached, later)}
      LEFT JOIN ${picks} AS pick ON reached.user_id = pick.user_id AND reached.start = pick.start
      ${isStrict ? sql`LEFT JOIN nexts ON reached.user_id = nexts.user_id AND reached.t = nexts.t` : sql``}
      WHERE pick.pos IS NOT NULL OR (later.t <= reached.t1 + ${window} ${directly})
    )`
}

/** Of the attempts of a user that get furthest the one that starts first, with the times of its steps. */
const bestSql = ({ dialect, params }: Plan): SqlText => {
  const steps = params.steps.map((_, index) => index + 1)
  const firsts = steps.map(
    (step) => sql`SELECT user_id, ${step} AS step, MIN(start) AS start FROM ${named("chain", step)} GROUP BY user_id`
  )
  const reached = steps.map((step) => sql`SELECT user_id, start, ${step} AS step, t FROM ${named("chain", step)}`)
  const times = steps.map((step) => sql`MAX(CASE WHEN step = ${step} THEN reached.t END) AS ${named("t", step)}`)
  return sql`
    SELECT best_times.*, kind, label, amount FROM (
      SELECT chosen.user_id, chosen.start, ${join(times, sql`, `)}
      FROM (
        SELECT user_id, ${dialect.valueOfGreatest(sql`start`, sql`step`)} AS start
        FROM (${join(firsts, sql` UNION ALL `)}) AS firsts GROUP BY user_id
      ) AS chosen
      JOIN (${join(reached, sql` UNION ALL `)}) AS reached
        ON chosen.user_id = reached.user_id AND chosen.start = reached.start
      GROUP BY chosen.user_id, chosen.start
    ) AS best_times
    JOIN placed ON best_times.user_id = placed.user_id AND best_times.start = placed.pos`
}
