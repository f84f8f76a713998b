import { Schema } from "effect"
import { breakdownKey } from "../../breakdown/index.ts"
import * as Params from "../../params.ts"

export const property = Params.property("Name events by this property's text instead of by their type")

export const params = Schema.Struct({
  ...Params.range,
  limit: Params.limit(50),
  property,
  ...Params.common
}).check(Params.rangeCheck)
export type PathsParams = typeof params.Type

export const row = Schema.Struct({
  ...breakdownKey,
  from: Schema.String,
  to: Schema.String,
  transitions: Schema.Int,
  users: Schema.Int
})
export type PathsRow = typeof row.Type

/** A session goes on while no pause is longer, */
export const IDLE_MICROS = 30 * 60_000_000
/** and while it lasts no longer than this. */
export const SESSION_MICROS = 24 * 3_600_000_000
