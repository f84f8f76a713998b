import { define } from "../../Metric.ts"
import { params, row } from "./model.ts"
import { lifecycleActivity } from "./activity.ts"
import { lifecycleReference } from "./reference.ts"
import { lifecycleSql, shapeLifecycle } from "./sql.ts"
import { lifecycleMembers } from "./members.ts"

const details = [
  "The first event is sought over all history. Every interval that the range touches is counted whole. With a " +
    "breakdown by events, a user is new to each value anew; values are ranked by the users of the range."
]

/** Where active users come from and go to, per interval. New, returning and resurrecting add up to the active users. */
export const lifecycle = define({
  name: "lifecycle",
  title: "Users new, returning, resurrecting and dormant per interval",
  description: "Per interval, how many users are new, returning, resurrecting and dormant.",
  details,
  params,
  row,
  sql: lifecycleSql,
  shape: shapeLifecycle,
  reference: lifecycleReference,
  activity: lifecycleActivity,
  members: lifecycleMembers,
  drawn: {
    heading: ({ interval }) => `lifecycle per ${interval}`,
    nothing: "no users in this range",
    shape: {
      kind: "sides",
      left: { title: "gone", fields: ["dormant"] },
      right: { title: "active", fields: ["new", "returning", "resurrecting"] }
    }
  }
})
