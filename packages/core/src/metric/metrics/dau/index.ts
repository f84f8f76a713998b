import { Schema } from "effect"
import { define } from "../../Metric.ts"
import * as Params from "../../params.ts"
import { activeUsersActivity } from "../active-users/activity.ts"
import { details, row } from "../active-users/index.ts"
import { activeUsersReference } from "../active-users/reference.ts"
import { shapeActiveUsers } from "../active-users/shape.ts"
import { activeUsersSql } from "../active-users/sql.ts"

const DAILY = { interval: "day", week_start: "monday" } as const

/** Active users by day. */
export const dailyActiveUsers = define({
  name: "dau",
  description: "Distinct users per day; with rolling also WAU, MAU and their ratios to DAU.",
  details,
  params: Schema.Struct({
    from: Params.from,
    to: Params.to,
    tz: Params.tz,
    rolling: Params.rolling,
    ...Params.common
  }).check(Params.rangeCheck),
  row,
  sql: (params, context, dialect) => activeUsersSql({ ...params, ...DAILY }, context, dialect),
  shape: (raw, params, context) => shapeActiveUsers(raw, { ...params, ...DAILY }, context),
  reference: (events, params, context) => activeUsersReference(events, { ...params, ...DAILY }, context),
  activity: (params) => activeUsersActivity({ ...params, ...DAILY })
})
