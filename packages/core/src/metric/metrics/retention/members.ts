import { Schema } from "effect"
import { dayOfDate, intervalOfDay } from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import type { AskContext } from "../../Metric.ts"
import { about } from "../../Parameter.ts"
import * as Params from "../../params.ts"
import { sql } from "../../SqlText.ts"
import { type Cell, defineMembers, type Listed, ofValue } from "../../members.ts"
import { cohortsOf } from "./cohorts.ts"
import { cohortsCheck, type RetentionParams, table, type RetentionRow } from "./model.ts"
import { type Plan, planOf } from "./plan.ts"
import { entriesByValue, historyOf } from "./reference.ts"
import { cellsSql } from "./sql.ts"

interface Question extends RetentionParams, Listed {
  /** A date in the cohort's interval. */
  readonly cohort: string
  readonly cell: number
  readonly returned: boolean
}

const cell = (params: Question, context: AskContext, dialect: Dialect): Cell => {
  const wholePlan = planOf(params, context, dialect)
  const cohort = intervalOfDay(dayOfDate(params.cohort), params.interval, params.week_start)
  // Values are ranked by all cohorts; else one is enough to look at.
  const one = { ...params, start_date: params.cohort, end_date: params.cohort }
  const plan = params.breakdown === undefined ? planOf(one, context, dialect) : wholePlan
  const groups = cohortsOf(plan, context)
  const back = sql`SELECT user_id FROM cells WHERE cohort = ${cohort} AND cell ${params.measure === "on" ? sql`=` : sql`>=`} ${params.cell}`
  const wanted =
    params.cell === 0
      ? sql`${params.returned ? sql`1 = 1` : sql`1 = 0`}`
      : sql`user_id ${params.returned ? sql`IN` : sql`NOT IN`} (${back})`
  const rows = sql`
    WITH ${cellsSql(plan, groups)}
    SELECT ${groups.key}user_id FROM cohorts WHERE cohort = ${cohort} AND ${hasRow(wholePlan, cohort)} AND ${wanted}`
  return { groups, rows }
}

const hasRow = ({ first, last }: Plan, cohort: number) =>
  cohort >= first && (last === undefined || cohort <= last) ? sql`1 = 1` : sql`1 = 0`

/** Where `end_date` does not say what the last cohort is, the events do: a later one has nobody. */
const cohortProblem = ({ cohort, end_date, interval, start_date, week_start }: Question) => {
  const intervalOf = (date: string) => intervalOfDay(dayOfDate(date), interval, week_start)
  const isBefore = intervalOf(cohort) < intervalOf(start_date)
  if (isBefore || (end_date !== undefined && intervalOf(cohort) > intervalOf(end_date)))
    return { path: ["cohort"], issue: `must lie in the ${interval}s from start_date to end_date` }
  return dayOfDate(cohort) - dayOfDate(start_date) < Params.RANGE_MAX_DAYS
    ? undefined
    : { path: ["cohort"], issue: `must be less than ${Params.RANGE_MAX_DAYS} days after start_date` }
}

export const retentionMembers = defineMembers({
  name: "retention/users",
  description: "The users of one cell of a cohort; with returned=false those of the cohort who are not in it.",
  params: Schema.Struct({
    ...table,
    cohort: about(Params.date, { help: "A day of the cohort's interval" }),
    cell: about(Params.integer(0, 365), { help: "The cell's number, 0 for the whole cohort" }),
    returned: about(Params.flag(true), { help: "false: those of the cohort who are not in the cell" }),
    ...Params.listed
  })
    .check(cohortsCheck)
    .check(Params.valueCheck)
    .check(
      Schema.makeFilter((params) =>
        params.cell < params.windows
          ? undefined
          : { path: ["cell"], issue: `must be below ${params.windows}, the number of windows` }
      )
    )
    .check(Schema.makeFilter(cohortProblem)),
  cells: ({ cells, cohort, size }: RetentionRow) =>
    cells.flatMap(({ index, users }) => [
      { users, cell: { cohort, cell: String(index) } },
      { users: size - users, cell: { cohort, cell: String(index), returned: "false" } }
    ]),
  cell,
  reference: (events, params) => {
    const history = historyOf(events, params)
    const all =
      params.breakdown === undefined
        ? history.entries
        : ofValue(entriesByValue(events, history, params), params.breakdown_value)
    const members = all.filter(({ cohort }) => cohort === history.firstOf(params.cohort))
    return members.flatMap((entry) => (history.isBack(entry, params.cell) === params.returned ? [entry.user] : []))
  }
})
