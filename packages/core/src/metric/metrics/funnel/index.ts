import { define } from "../../Metric.ts"
import { params, row } from "./model.ts"
import { funnelReference } from "./reference.ts"
import { shapeFunnel } from "./shape.ts"
import { funnelSql } from "./sql.ts"
import { stepName } from "./stepName.ts"
import { funnelMembers } from "./members.ts"

const details = [
  "An attempt begins with any first-step event (`order=any`: any step's) whose local date lies in the range. " +
    "Its steps may be later, up to `window` after its start, that instant included. Of a user's attempts the " +
    "one with the most steps counts; of equal ones the earliest (by time, then `event_id`).",
  "`ordered`: each step takes the earliest event, not before the one of the step before, that the attempt has " +
    "not used. An equal timestamp is not before. `strict`: as ordered, and nothing that the user did lies " +
    "between two steps' instants.",
  "`any`: a step is taken with its first event from the start on; one event may take several steps. Step n is " +
    "the n-th taken.",
  "Breakdown: by the attempt's first event; with `breakdown_of=user` by the user's latest event, in all " +
    "history, that has a value. Values are ranked by users of step 1.",
  "`$identify` events take part by name alone: a step that insists on that type takes them. They lie between no two " +
    "steps and give no user a value, whether a step names them or not.",
  "So a step at the end changes no count of the steps before it, and with `order=any` lowers none. Seconds, and with " +
    "`breakdown_of=event` the value, are the best attempt's, which a further step may make another one.",
  "Seconds are from the step before; the median of an even number of them is the mean of the middle two."
]

/** How far users get through steps. */
export const funnel = define({
  name: "funnel",
  title: "How many users get through steps, and how long they take",
  description: "How many users get through steps within a window, and how long they take.",
  details,
  params,
  row,
  sql: funnelSql,
  shape: shapeFunnel,
  reference: funnelReference,
  members: funnelMembers,
  drawn: {
    heading: ({ window }) => `funnel within ${window}`,
    nothing: "nobody began in this range",
    columns: [
      { field: "step", label: stepName },
      { field: "users" },
      { field: "from_first", title: "of first" },
      { field: "from_previous", title: "of previous" },
      { field: "median_seconds", title: "median" },
      { field: "mean_seconds", title: "mean" }
    ],
    bar: "from_first",
    breakdown: "column",
    incomplete: "*  some attempts could still go on at that instant"
  }
})
