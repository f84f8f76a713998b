import { Schema } from "effect"
import { breakdownKey, type WithoutBreakdown } from "../../breakdown/index.ts"
import * as Params from "../../params.ts"

export const params = Schema.Struct({
  ...Params.dateTimeline,
  event_type: Params.countedType,
  ...Params.common
}).check(Params.rangeCheck)
export type LifecycleParams = typeof params.Type

export const row = Schema.Struct({
  date: Schema.String.annotate({ description: "First local day of the interval." }),
  ...breakdownKey,
  new: Schema.Int.annotate({ description: "Users whose first event ever lies in it." }),
  returning: Schema.Int.annotate({ description: "Not new, and active in the interval before as well." }),
  resurrecting: Schema.Int.annotate({ description: "Not new, and not active in the interval before." }),
  dormant: Schema.Int.annotate({
    description: "Minus the users who were active in the interval before, but not in this."
  }),
  complete: Schema.Boolean
})
export type LifecycleRow = typeof row.Type
export type LifecycleCounts = WithoutBreakdown<LifecycleRow>

export const STATES = ["new", "returning", "resurrecting", "dormant"] as const
export type State = (typeof STATES)[number]
