import { Schema } from "effect"
import { breakdownKey } from "../../breakdown/index.ts"
import { define } from "../../Metric.ts"
import * as Params from "../../params.ts"
import { activeUsersActivity } from "./activity.ts"
import { activeUsersReference } from "./reference.ts"
import { shapeActiveUsers } from "./shape.ts"
import { activeUsersSql } from "./sql.ts"

export const row = Schema.Struct({
  date: Schema.String.annotate({ description: "First local day of the interval; for hours RFC 3339 with the offset." }),
  ...breakdownKey,
  users: Schema.Int,
  complete: Schema.Boolean,
  wau: Schema.optionalKey(Schema.Int),
  mau: Schema.optionalKey(Schema.Int),
  dau_wau: Schema.optionalKey(Schema.Finite),
  dau_mau: Schema.optionalKey(Schema.Finite)
})

export const details = [
  "Every interval that the range touches is counted whole, so a week's number is the same in every range that " +
    "shows it.",
  "A day that the zone skipped (Pacific/Apia 2011-12-30) keeps its row, with 0 users; a skipped hour has none.",
  "`rolling` adds, for each day, the distinct users of the 7 and 30 days that end with it, also those before `from`.",
  "Breakdown: by the events' values, so that a user may count under several; values are ranked by users."
]

/** Distinct users per interval, zero-filled. */
export const activeUsers = define({
  name: "active-users",
  description: "Distinct users per hour, day, week or month; with rolling also WAU, MAU and their ratios to DAU.",
  details,
  params: Schema.Struct({
    ...Params.timeline,
    rolling: Params.rolling,
    ...Params.common
  })
    .check(Params.rangeCheck)
    .check(Schema.makeFilter(({ interval, rolling }) => Params.rollingIssue(interval, rolling))),
  row,
  sql: activeUsersSql,
  shape: shapeActiveUsers,
  reference: activeUsersReference,
  activity: activeUsersActivity
})
