import { Schema } from "effect"
import { breakdownKey } from "../../breakdown/index.ts"
import * as Params from "../../params.ts"

export const params = Schema.Struct({ ...Params.range, limit: Params.limit(10), ...Params.common }).check(
  Params.rangeCheck
)
export type TopEventsParams = typeof params.Type

export const row = Schema.Struct({
  ...breakdownKey,
  event_type: Schema.String,
  events: Schema.Int,
  users: Schema.Int
})
export type TopEventsRow = typeof row.Type
