import { define } from "../../Metric.ts"
import { activeUsersActivity } from "../active-users/activity.ts"
import { details } from "../active-users/index.ts"
import { row } from "../active-users/model.ts"
import { activeUsersReference } from "../active-users/reference.ts"
import { shapeActiveUsers } from "../active-users/shape.ts"
import { activeUsersSql } from "../active-users/sql.ts"
import { params } from "./model.ts"

const DAILY = { interval: "day", week_start: "monday" } as const

/** Active users by day. */
export const dailyActiveUsers = define({
  name: "dau",
  description: "Distinct users per day; with rolling also WAU, MAU and their ratios to DAU.",
  details,
  params,
  row,
  sql: (params, context, dialect) => activeUsersSql({ ...params, ...DAILY }, context, dialect),
  shape: (raw, params, context) => shapeActiveUsers(raw, { ...params, ...DAILY }, context),
  reference: (events, params, context) => activeUsersReference(events, { ...params, ...DAILY }, context),
  activity: (params) => activeUsersActivity({ ...params, ...DAILY })
})
