import { Schema } from "effect"
import { breakdownKey, type WithoutBreakdown } from "../../breakdown/index.ts"
import { about } from "../../Parameter.ts"
import * as Params from "../../params.ts"
import { share } from "../../rows.ts"

export const rolling = about(Params.flag(false), {
  help: "Also the users of the 7 and 30 days that end with each day"
})

/** Whose days end with each day of the answer. */
export const rollingCheck = Schema.makeFilter((params: { readonly interval: string; readonly rolling: boolean }) =>
  params.rolling && params.interval !== "day"
    ? { path: ["rolling"], issue: "is possible with interval=day only" }
    : undefined
)

export const params = Schema.Struct({ ...Params.timeline, rolling, ...Params.common })
  .check(Params.rangeCheck)
  .check(rollingCheck)
export type ActiveUsersParams = typeof params.Type

export const row = Schema.Struct({
  date: Schema.String.annotate({ description: "First local day of the interval; for hours RFC 3339 with the offset." }),
  ...breakdownKey,
  users: Schema.Int,
  complete: Schema.Boolean,
  wau: Schema.optionalKey(Schema.Int),
  mau: Schema.optionalKey(Schema.Int),
  dau_wau: Schema.optionalKey(share),
  dau_mau: Schema.optionalKey(share)
})
export type ActiveUsersRow = typeof row.Type
export type ActiveUsersCounts = WithoutBreakdown<ActiveUsersRow>

/** Lengths of the rolling windows; they end with the day that they belong to. */
export const WEEK_DAYS = 7
export const MONTH_DAYS = 30
