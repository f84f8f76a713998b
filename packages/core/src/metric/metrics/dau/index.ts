import { define } from "../../Metric.ts"
import { activeUsersActivity } from "../active-users/activity.ts"
import { columns, details } from "../active-users/index.ts"
import { row } from "../active-users/model.ts"
import { activeUsersReference } from "../active-users/reference.ts"
import { shapeActiveUsers } from "../active-users/shape.ts"
import { activeUsersSql } from "../active-users/sql.ts"
import { params } from "./model.ts"
import { dailyActiveUsersUsers } from "./users.ts"

const DAILY = { interval: "day", week_start: "monday" } as const

/** Active users by day. */
export const dailyActiveUsers = define({
  name: "dau",
  title: "Daily active users: distinct users per day, with a bar",
  description: "Distinct users per day; with rolling also WAU, MAU and their ratios to DAU.",
  details,
  params,
  row,
  sql: (asked, context, dialect) => activeUsersSql({ ...asked, ...DAILY }, context, dialect),
  shape: (raw, asked, context) => shapeActiveUsers(raw, { ...asked, ...DAILY }, context),
  reference: (events, asked, context) => activeUsersReference(events, { ...asked, ...DAILY }, context),
  activity: (asked) => activeUsersActivity({ ...asked, ...DAILY }),
  users: dailyActiveUsersUsers,
  drawn: {
    heading: () => "daily active users",
    nothing: "nobody in this range",
    columns,
    bar: "users",
    breakdown: "curves"
  }
})
