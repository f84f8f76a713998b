import { breakdownColumns } from "../../breakdown/index.ts"
import { dayOfDate, endOfDay, type InstantRange, instantsOf, startOfDay } from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import { matches } from "../../events.ts"
import type { AskContext } from "../../Metric.ts"
import { eventsOf } from "../../source.ts"
import { join, sql, type SqlText } from "../../SqlText.ts"
import { areApart, stepSql } from "../../steps.ts"
import { type FunnelParams, windowMicros } from "./model.ts"

/** Plan that the parts of the query share. Column and table names are made of numbers alone. */
export interface Plan {
  readonly params: FunnelParams
  readonly dialect: Dialect
  /** Table expression: the events that `where` leaves. */
  readonly source: SqlText
  readonly ofProject: SqlText
  /** Of anything that can count: attempts begin in the asked range, but go on for a window. */
  readonly range: InstantRange
  readonly window: number
  /** No event is two steps: then none needs to be remembered as used. */
  readonly apart: boolean
}

export const planOf = (params: FunnelParams, { project_id }: AskContext, dialect: Dialect): Plan => {
  const { from, steps, to, tz } = params
  const window = windowMicros(params.window)
  return {
    params,
    dialect,
    source: eventsOf(params, dialect),
    ofProject: sql`project_id = ${project_id}`,
    range: {
      fromMicros: startOfDay(tz, dayOfDate(from)),
      untilMicros: endOfDay(tz, dayOfDate(to)) + window
    },
    window,
    apart: areApart(steps)
  }
}

/** Names that hold a number; nothing else gets into the text. */
export const named = (prefix: "t" | "m" | "chain" | "events" | "picks", step: number): SqlText => ({
  _tag: "SqlText",
  strings: [`${prefix}${Math.trunc(step)}`],
  values: []
})

const withinReach = ({ dialect, ofProject, range }: Plan): SqlText =>
  sql`${ofProject} AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}`

/** `(user_id, t, id, kind, label, amount, m1 …)`: one row for each event that is any step; `m` says which. */
export const foundSql = (plan: Plan): SqlText => {
  const { dialect, params, source } = plan
  const marks = params.steps.map((step, index) => sql`${stepSql(step, dialect)} AS ${named("m", index + 1)}`)
  const any = params.steps.map((_, index) => named("m", index + 1))
  const broken = params.breakdown_of === "event" ? params.breakdown : undefined
  return sql`
    SELECT * FROM (
      SELECT user_id, ${dialect.occurredAtMicros} AS t, event_id AS id, ${breakdownColumns(broken, dialect)},
        ${join(marks, sql`, `)}
      FROM ${source} WHERE ${withinReach(plan)}
    ) AS marked
    WHERE ${join(any, sql` OR `)}`
}

/** `(user_id, t, next)`: when the user did anything next that lies in a step's way. */
export const nextSql = (plan: Plan): SqlText => sql`
  SELECT user_id, t, MIN(counted) OVER (
    PARTITION BY user_id ORDER BY t DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  ) AS next
  FROM (
    SELECT user_id, t, MAX(CASE WHEN ${matches(undefined)} THEN t END) AS counted
    FROM (SELECT user_id, event_type, ${plan.dialect.occurredAtMicros} AS t FROM ${plan.source} WHERE ${withinReach(plan)}) AS seen
    GROUP BY user_id, t
  ) AS times`

/** Rows of `found` that begin an attempt. */
export const isStart = ({ params: { from, order, steps, to, tz } }: Plan): SqlText => {
  const ranges = instantsOf(tz, dayOfDate(from), dayOfDate(to) + 1)
  const inRange = ranges.map(({ fromMicros, untilMicros }) => sql`(t >= ${fromMicros} AND t < ${untilMicros})`)
  const firsts = order === "any" ? steps.map((_, index) => named("m", index + 1)) : [named("m", 1)]
  return inRange.length === 0 ? sql`1 = 0` : sql`(${join(firsts, sql` OR `)}) AND (${join(inRange, sql` OR `)})`
}
