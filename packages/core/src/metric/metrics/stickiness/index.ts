import { Schema } from "effect"
import { breakdownKey } from "../../breakdown/index.ts"
import { define } from "../../Metric.ts"
import * as Params from "../../params.ts"
import { stickinessActivity } from "./activity.ts"
import { stickinessReference } from "./reference.ts"
import { shapeStickiness, stickinessSql } from "./sql.ts"

const row = Schema.Struct({
  ...breakdownKey,
  intervals: Schema.Int.annotate({ description: "From 1 to the number of intervals that the range touches." }),
  users: Schema.Int.annotate({ description: "Active in exactly so many of them." }),
  at_least: Schema.Int.annotate({ description: "Active in so many or more." })
})

const details = [
  "With a breakdown by events, an interval counts for each value that the user had in it; values are ranked by users."
]

/** Users by the number of intervals of the range in which they were active; each interval counted whole. */
export const stickiness = define({
  name: "stickiness",
  description: "How many users were active in exactly 1, 2, 3 … of the range's intervals.",
  details,
  params: Schema.Struct({ ...Params.dateTimeline, event_type: Params.optionalEventType, ...Params.common }).check(
    Params.rangeCheck
  ),
  row,
  sql: stickinessSql,
  shape: shapeStickiness,
  reference: stickinessReference,
  activity: stickinessActivity
})
