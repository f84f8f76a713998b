import { define } from "../../Metric.ts"
import { params, row } from "./model.ts"
import { activeUsersActivity } from "./activity.ts"
import { activeUsersReference } from "./reference.ts"
import { activeUsersSql, shapeActiveUsers } from "./sql.ts"
import { activeUsersMembers } from "./members.ts"

export const details = [
  "Every interval that the range touches is counted whole, so a week's number is the same in every range that " +
    "shows it.",
  "A day that the zone skipped (Pacific/Apia 2011-12-30) keeps its row, with 0 users; a skipped hour has none.",
  "`rolling` adds, for each day, the distinct users of the 7 and 30 days that end with it, also those before `from`.",
  "Breakdown: by the events' values, so that a user may count under several; values are ranked by users."
]

/** Columns that a command draws of a row. */
export const columns = [
  { field: "date" },
  { field: "users" },
  { field: "wau", title: "7 days" },
  { field: "mau", title: "30 days" }
] as const

/** Distinct users per interval, zero-filled. */
export const activeUsers = define({
  name: "active-users",
  title: "Distinct users per hour, day, week or month",
  description: "Distinct users per hour, day, week or month; with rolling also WAU, MAU and their ratios to DAU.",
  details,
  params,
  row,
  sql: activeUsersSql,
  shape: shapeActiveUsers,
  reference: activeUsersReference,
  activity: activeUsersActivity,
  members: activeUsersMembers,
  drawn: {
    heading: ({ interval }) => `active users per ${interval}`,
    nothing: "nobody in this range",
    columns,
    bar: "users",
    breakdown: "curves"
  }
})
