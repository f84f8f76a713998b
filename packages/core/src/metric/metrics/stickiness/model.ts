import { Schema } from "effect"
import { breakdownKey, type WithoutBreakdown } from "../../breakdown/index.ts"
import * as Params from "../../params.ts"

export const params = Schema.Struct({
  ...Params.dateTimeline,
  event_type: Params.countedType,
  ...Params.common
}).check(Params.rangeCheck)
export type StickinessParams = typeof params.Type

export const row = Schema.Struct({
  ...breakdownKey,
  intervals: Schema.Int.annotate({ description: "From 1 to the number of intervals that the range touches." }),
  users: Schema.Int.annotate({ description: "Active in exactly so many of them." }),
  at_least: Schema.Int.annotate({ description: "Active in so many or more." })
})
export type StickinessRow = typeof row.Type

/** `users[n − 1]`: active in exactly n intervals. */
export const rowsOf = (users: ReadonlyArray<number>): ReadonlyArray<WithoutBreakdown<StickinessRow>> => {
  let at_least = users.reduce((sum, count) => sum + count, 0)
  return users.map((count, index) => {
    const found = { intervals: index + 1, users: count, at_least }
    at_least -= count
    return found
  })
}
