import { define } from "../../Metric.ts"
import { params, row } from "./model.ts"
import { topEventsReference } from "./reference.ts"
import { shapeTopEvents, topEventsSql } from "./sql.ts"
import { topEventsMembers } from "./members.ts"

const details = ["With a breakdown, one such list for each value, `limit` long; values are ranked by events."]

/** Events and distinct users per event type; ties in events are broken by event type, ascending by code point. */
export const topEvents = define({
  name: "top-events",
  title: "The most frequent event types, with their users",
  description: "The most frequent event types in a range, with their distinct users.",
  details,
  params,
  row,
  sql: topEventsSql,
  shape: shapeTopEvents,
  reference: topEventsReference,
  members: topEventsMembers,
  drawn: { nothing: "no events in this range", bar: "events" }
})
