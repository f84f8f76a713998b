import { Schema } from "effect"
import * as Params from "../../params.ts"
import { defineMembers } from "../../members.ts"
import { rolling } from "../active-users/model.ts"
import { cell, cells, column, columnIssue, reference } from "../active-users/members.ts"

const DAILY = { interval: "day", week_start: "monday" } as const

export const dailyActiveUsersMembers = defineMembers({
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
    .check(Schema.makeFilter((params) => (Params.isRowDate({ ...params, ...DAILY }) ? undefined : Params.NO_ROW)))
    .check(Params.valueCheck)
    .check(Schema.makeFilter(columnIssue)),
  cells,
  cell: (params, context, dialect) => cell({ ...params, ...DAILY }, context, dialect),
  reference: (events, params, context) => reference(events, { ...params, ...DAILY }, context)
})
