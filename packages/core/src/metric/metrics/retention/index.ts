import { define } from "../../Metric.ts"
import { params, type RetentionParams, ROLLING_DAYS, row } from "./model.ts"
import { retentionActivity } from "./activity.ts"
import { retentionReference } from "./reference.ts"
import { shapeRetention } from "./shape.ts"
import { retentionSql } from "./sql.ts"
import { retentionMembers } from "./members.ts"

const details = [
  "The cohort of a user is the interval of the user's first `start_event` ever, over all history (`mode=first-ever`); " +
    "with `mode=recurring` a user is in the cohort of every interval that holds one.",
  "Cell k counts the cohort's users with a `return_event` in the k-th interval after the cohort's (`measure=on`), or in " +
    "it or any later one (`on-or-after`). `start_date` and `end_date` name the first and the last cohort by any of their days.",
  "`bucket=rolling` measures cell k from the user's anchor: the first start event, in the cohort's own " +
    "interval when recurring; `[anchor + k × L, anchor + (k + 1) × L)` with L = 1, 7 or 30 days of 24 hours.",
  "Equal timestamps need no order: a return event in cell k ≥ 1 is always later than the anchor.",
  "Cell 0 is the cohort's size, and complete once the cohort's interval has ended; a rolling cell k once it " +
    "has ended for a user who entered at that interval's last instant.",
  "`minimum_occurrences` is asked of return events within one interval (`bucket=rolling`: one cell); for " +
    "`on-or-after`, within the same or any single later one. Cell 0 does not ask for it.",
  "Breakdown: by the event that put the user into the cohort (of several at one instant the first by " +
    "`event_id`), whatever the return events' values are; values are ranked by users.",
  "From `start_date` to the last cohort's first day there are no more than 3,660 days, whether `end_date` names it or " +
    "the events do: then the question is refused and asks for an `end_date`.",
  "Without `end_date` the last cohort is the last interval with any event; `$identify` is one only when asked " +
    "by name."
]

/** How long after the cohort's interval, or after a user's anchor, a cell begins. */
const cellTitle = (index: number, { bucket, interval = "week" }: Partial<RetentionParams>): string => {
  if (index === 0) return "0"
  return bucket === "rolling" ? `+${index * ROLLING_DAYS[interval]}d` : `+${index}${interval[0]!}`
}

/** Who comes back: cohorts of users by the interval of their first (or, `mode=recurring`, of each) start event. */
export const retention = define({
  name: "retention",
  title: "Per cohort of users, how many come back, as a heat map",
  description: "Per cohort of users, how many return in each of the following intervals.",
  details,
  params,
  row,
  sql: retentionSql,
  shape: shapeRetention,
  reference: retentionReference,
  activity: retentionActivity,
  members: retentionMembers,
  drawn: {
    heading: ({ interval }) => `retention by ${interval}`,
    nothing: "no cohorts in this range",
    columns: [{ field: "cohort" }, { field: "size", title: "users" }],
    shape: { kind: "heat", cells: "cells", size: "size", cellTitle }
  }
})
