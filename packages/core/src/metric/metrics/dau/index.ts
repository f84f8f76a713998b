import { Schema } from "effect"
import { define } from "../../Metric.ts"
import { defineMembers } from "../../members.ts"
import { activeUsersActivity } from "../active-users/activity.ts"
import { columns, details } from "../active-users/index.ts"
import { cell, cells, column, columnIssue, reference } from "../active-users/members.ts"
import { rolling, row } from "../active-users/model.ts"
import { activeUsersReference } from "../active-users/reference.ts"
import { activeUsersSql, shapeActiveUsers } from "../active-users/sql.ts"
import * as Params from "../../params.ts"

const params = Schema.Struct({ ...Params.range, rolling, ...Params.common }).check(Params.rangeCheck)

const DAILY = { interval: "day", week_start: "monday" } as const

const dailyActiveUsersMembers = defineMembers({
  name: "dau/users",
  description: "The users of one day; with column=wau or mau those of the 7 or 30 days that end with it.",
  params: Schema.Struct({
    ...Params.range,
    rolling,
    date: Params.cellDate,
    column,
    ...Params.listed
  })
    .check(Params.rangeCheck)
    .check(Schema.makeFilter((question) => (Params.isRowDate({ ...question, ...DAILY }) ? undefined : Params.NO_ROW)))
    .check(Params.valueCheck)
    .check(Schema.makeFilter(columnIssue)),
  cells,
  cell: (question, context, dialect) => cell({ ...question, ...DAILY }, context, dialect),
  reference: (events, question, context) => reference(events, { ...question, ...DAILY }, context)
})

/** Active users by day. */
export const dailyActiveUsers = define({
  name: "dau",
  title: "Daily active users: distinct users per day, with a bar",
  description: "Distinct users per day; with rolling also WAU, MAU and their ratios to DAU.",
  details,
  params,
  row,
  sql: (daily, context, dialect) => activeUsersSql({ ...daily, ...DAILY }, context, dialect),
  shape: (raw, daily, context) => shapeActiveUsers(raw, { ...daily, ...DAILY }, context),
  reference: (events, daily, context) => activeUsersReference(events, { ...daily, ...DAILY }, context),
  activity: (daily) => activeUsersActivity({ ...daily, ...DAILY }),
  members: dailyActiveUsersMembers,
  drawn: {
    heading: () => "daily active users",
    nothing: "nobody in this range",
    columns,
    bar: "users",
    breakdown: "curves"
  }
})
