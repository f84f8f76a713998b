import { Schema } from "effect"
import { breakdownKey } from "../../breakdown/index.ts"
import { define } from "../../Metric.ts"
import * as Params from "../../params.ts"
import { lifecycleActivity } from "./activity.ts"
import { lifecycleReference } from "./reference.ts"
import { lifecycleSql, shapeLifecycle } from "./sql.ts"

const row = Schema.Struct({
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

const details = [
  "The first event is sought over all history. Every interval that the range touches is counted whole. With a " +
    "breakdown by events, a user is new to each value anew; values are ranked by the users of the range."
]

/** Where active users come from and go to, per interval. New, returning and resurrecting add up to the active users. */
export const lifecycle = define({
  name: "lifecycle",
  description: "Per interval, how many users are new, returning, resurrecting and dormant.",
  details,
  params: Schema.Struct({
    ...Params.dateTimeline,
    event_type: Params.optionalEventType,
    ...Params.common
  }).check(Params.rangeCheck),
  row,
  sql: lifecycleSql,
  shape: shapeLifecycle,
  reference: lifecycleReference,
  activity: lifecycleActivity
})
