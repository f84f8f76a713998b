import { define } from "../../Metric.ts"
import { params, row } from "./model.ts"
import { stickinessActivity } from "./activity.ts"
import { stickinessReference } from "./reference.ts"
import { shapeStickiness, stickinessSql } from "./sql.ts"
import { stickinessMembers } from "./members.ts"

const details = [
  "With a breakdown by events, an interval counts for each value that the user had in it; values are ranked by users."
]

/** Users by the number of intervals of the range in which they were active; each interval counted whole. */
export const stickiness = define({
  name: "stickiness",
  title: "Users by the number of intervals in which they were active",
  description: "How many users were active in exactly 1, 2, 3 … of the range's intervals.",
  details,
  params,
  row,
  sql: stickinessSql,
  shape: shapeStickiness,
  reference: stickinessReference,
  activity: stickinessActivity,
  members: stickinessMembers,
  drawn: {
    heading: ({ interval }) => `users by active ${interval}s`,
    nothing: "no users in this range",
    columns: [
      { field: "intervals", title: ({ interval }) => `${interval}s` },
      { field: "users" },
      { field: "at_least", title: "or more" },
      { field: "at_least", title: "share", ofFirst: true }
    ],
    bar: "users",
    // Up to the last number of intervals that anybody reached.
    isDrawn: ({ at_least }) => at_least > 0
  }
})
