import { define } from "../../Metric.ts"
import { activeUsersActivity } from "../active-users/activity.ts"
import { columns, details } from "../active-users/index.ts"
import { row } from "../active-users/model.ts"
import { activeUsersReference } from "../active-users/reference.ts"
import { shapeActiveUsers } from "../active-users/shape.ts"
import { activeUsersSql } from "../active-users/sql.ts"
import { params } from "./model.ts"
import { dailyActiveUsersMembers } from "./members.ts"

const DAILY = { interval: "day", week_start: "monday" } as const

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
