import type { Coming, Dialect } from "../../Dialect.ts"
import type { AskContext } from "../../Metric.ts"
import { join, sql, type SqlText } from "../../SqlText.ts"
import { groupRows, type Groups, shapeEach, wholeOf, withUserValues } from "../../breakdown/index.ts"
import { dayOfDate, endOfDay } from "../../calendar.ts"
import { type FunnelParams, type FunnelRow, rowsOf, windowMicros } from "./model.ts"
import { overlappingSql } from "./overlapping.ts"
import { foundSql, isStart, named, nextSql, type Plan, planOf } from "./plan.ts"
import { integerOf, type RawRow } from "../../rows.ts"

/**
 * Rows `(step, users, micros, median)`: how many users reached a step, and the sum and median of what they took from
 * the one before.
 */
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

/** Lays the counts out, one row a step; a step that nobody reached has one as well. */
export const shapeFunnel = (
  raw: ReadonlyArray<RawRow>,
  params: FunnelParams,
  { as_of }: AskContext
): ReadonlyArray<FunnelRow> => {
  const complete = endOfDay(params.tz, dayOfDate(params.to)) + windowMicros(params.window) <= as_of
  return shapeEach(raw, params, (found) =>
    rowsOf(
      params.steps.map((_, index) => {
        const row = found.find((of) => integerOf(of, "step") === index + 1) ?? {}
        const median = row["median"]
        return {
          users: integerOf(row, "users"),
          // Past 2^53 microseconds a sum is rounded, here as in the reference.
          micros: Number(row["micros"] ?? 0),
          medianMicros: median === null || median === undefined ? null : Number(median)
        }
      }),
      complete
    )
  )
}

/** Where no event carries a value: then an attempt is its times, and of equal ones any will do. */
const isTimesAlone = ({ params }: Plan): boolean => params.breakdown === undefined || params.breakdown_of === "user"

/**
 * One row for each start, to which each step adds the time at which it is reached: the earliest event that is left, not
 * before the step before. The next event is found by an as-of join, so a user with many starts costs no square.
 */
const inOrderSql = (plan: Plan): SqlText => {
  const { params } = plan
  const nexts = params.order === "strict" ? sql`nexts AS (${nextSql(plan)}),` : sql``
  if (!plan.apart) return sql`${nexts} ${overlappingSql(plan)}`
  const later = params.steps.slice(1).map((_, index) => stepSql(plan, index + 2))
  return sql`
    ${nexts} chain1 AS (${startsSql(plan)}), ${join(later, sql`, `)},
    best AS (${isTimesAlone(plan) ? bestTimesSql(plan) : bestSql(plan)})`
}

const lastOf = ({ params }: Plan): SqlText => named("chain", params.steps.length)

const bestSql = (plan: Plan): SqlText => sql`
  SELECT * FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY ${depthOf(plan)} DESC, t1, e1) AS choice FROM ${lastOf(plan)}
  ) AS choices
  WHERE choice = 1`

/** More than any instant's microseconds (years to 2100), so that one integer orders by depth, then by the earliest start. */
const BEYOND_TIME = 2 ** 53

/** The same without sorting a user's attempts: a step's time of the best attempt that has one is the best attempt's. */
const bestTimesSql = (plan: Plan): SqlText => {
  const merit = sql`(${depthOf(plan)}) * ${BEYOND_TIME} - t1`
  const times = plan.params.steps.map((_, index) => {
    const time = named("t", index + 1)
    return sql`${plan.dialect.valueOfGreatest(time, merit)} AS ${time}`
  })
  return sql`
    SELECT user_id, 0 AS kind, '' AS label, 0 AS amount, ${join(times, sql`, `)} FROM ${lastOf(plan)} GROUP BY user_id`
}

const depthOf = ({ params }: Plan): SqlText =>
  join(
    params.steps.map((_, index) => sql`CASE WHEN ${named("t", index + 1)} IS NULL THEN 0 ELSE 1 END`),
    sql` + `
  )

/** Of several starts at one instant the first by id stands for all. */
const startsSql = (plan: Plan): SqlText => {
  if (isTimesAlone(plan)) return sql`SELECT user_id, t AS t1 FROM found WHERE ${isStart(plan)}`
  const starts = sql`SELECT user_id, t AS t1, id AS e1, kind, label, amount FROM found WHERE ${isStart(plan)}`
  return sql`
    SELECT user_id, t1, e1, kind, label, amount FROM (
      SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id, t1 ORDER BY e1) AS nth FROM (${starts}) AS starts
    ) AS numbered
    WHERE nth = 1`
}

/**
 * Within the window and, where the order is strict, with nothing in between. DuckDB 1.5.6 matches an as-of join's NULL
 * to any row once there are many rows, so that the step before was reached is said and not left to the join.
 */
const isReached = ({ params, window }: Plan, step: number): SqlText => {
  const strict =
    params.order === "strict"
      ? sql`AND (next_step.t = before.${named("t", step - 1)} OR nexts.next IS NULL OR next_step.t <= nexts.next)`
      : sql``
  return sql`(before.${named("t", step - 1)} IS NOT NULL AND next_step.t <= before.t1 + ${window} ${strict})`
}

const withNexts = ({ params }: Plan, step: number): SqlText =>
  params.order === "strict"
    ? sql`LEFT JOIN nexts ON before.user_id = nexts.user_id AND before.${named("t", step - 1)} = nexts.t`
    : sql``

/** Attempts that have ended are spared the join. */
const stepSql = (plan: Plan, step: number): SqlText => {
  const earlier = named("chain", step - 1)
  const reached = named("t", step - 1)
  const before = {
    rows: sql`(SELECT * FROM ${earlier} WHERE ${reached} IS NOT NULL)`,
    name: sql`before`,
    time: sql`before.${reached}`
  }
  const next: Coming = {
    rows: sql`(SELECT user_id, t FROM found WHERE ${named("m", step)})`,
    name: sql`next_step`,
    columns: ["t"]
  }
  const ended = sql`UNION ALL SELECT *, NULL FROM ${earlier} WHERE ${reached} IS NULL`
  return sql`
    ${named("chain", step)} AS (
      SELECT before.*, CASE WHEN ${isReached(plan, step)} THEN next_step.t END AS ${named("t", step)}
      FROM ${plan.dialect.withNext(before, next)}
      ${withNexts(plan, step)}
      ${step > 2 ? ended : sql``}
    )`
}

/** One row for each start; each step's first event from the start on; the steps reached, put in the order of their times. */
const anyOrderSql = (plan: Plan): SqlText => {
  const steps = plan.params.steps.map((_, index) => index + 1)
  const reached = steps.map((step) => sql`SELECT user_id, e0, ${step} AS step, ${named("t", step)} AS t FROM chosen`)
  const times = steps.map((step) => sql`MAX(CASE WHEN nth = ${step} THEN ordered.t END) AS ${named("t", step)}`)
  const found = steps.map((step) => sql`CASE WHEN ${named("t", step)} IS NULL THEN 0 ELSE 1 END`)
  return sql`
    chain0 AS (SELECT user_id, t AS t0, id AS e0, kind, label, amount FROM found WHERE ${isStart(plan)}),
    ${join(
      steps.map((step) => anyStepSql(plan, step)),
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

const anyStepSql = ({ dialect, window }: Plan, step: number): SqlText => {
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
