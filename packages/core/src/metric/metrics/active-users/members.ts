import { Schema } from "effect"
import type { Event } from "../../../event/Event.ts"
import { timeBuckets } from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import type { AskContext, CountedCell } from "../../Metric.ts"
import * as Params from "../../params.ts"
import { sql } from "../../SqlText.ts"
import { defineMembers, eventsOfValue, type Listed } from "../../members.ts"
import { type ActiveUsersParams, type ActiveUsersRow, MONTH_DAYS, rolling, rollingCheck, WEEK_DAYS } from "./model.ts"
import { activeByDate, activeWithin, usersInRange } from "./reference.ts"
import { activeIn } from "./sql.ts"

interface Question extends ActiveUsersParams, Listed {
  readonly date: string
  readonly column: "users" | "wau" | "mau"
}

const DAYS = { users: 1, wau: WEEK_DAYS, mau: MONTH_DAYS } as const

export const cell = (params: Question, context: AskContext, dialect: Dialect) => {
  const groups = activeIn(params, context, dialect)
  const bucket = timeBuckets(params, context.as_of).find(({ date }) => date === params.date)!.bucket
  const rows = sql`
    SELECT ${groups.key}user_id FROM ${groups.source}
    WHERE bucket BETWEEN ${bucket - DAYS[params.column] + 1} AND ${bucket}`
  return { groups, rows }
}

export const reference = (events: ReadonlyArray<Event>, params: Question, context: AskContext) => {
  const of = eventsOfValue(events, params, usersInRange(params, context))
  const byDate = activeByDate(of, params)
  return params.column === "users"
    ? (byDate.get(params.date) ?? [])
    : activeWithin(byDate, params.date, DAYS[params.column])
}

/** Every number of users in a row. */
export const cells = (row: ActiveUsersRow): ReadonlyArray<CountedCell> =>
  (["users", "wau", "mau"] as const).flatMap((name) => {
    const users = row[name]
    return users === undefined ? [] : [{ users, cell: { date: row.date, column: name } }]
  })

export const column = Params.choice(["users", "wau", "mau"])

export const columnIssue = ({ column: name, rolling: isRolling }: Pick<Question, "column" | "rolling">) =>
  name === "users" || isRolling ? undefined : { path: ["column"], issue: "is a number of rolling=true only" }

export const activeUsersMembers = defineMembers({
  name: "active-users/users",
  description: "The users of one interval; with column=wau or mau those of the 7 or 30 days that end with the day.",
  params: Schema.Struct({
    ...Params.timeline,
    rolling,
    date: Params.cellDate,
    column,
    ...Params.listed
  })
    .check(Params.rangeCheck)
    .check(rollingCheck)
    .check(Params.dateCheck)
    .check(Params.valueCheck)
    .check(Schema.makeFilter(columnIssue)),
  cells,
  cell,
  reference
})
