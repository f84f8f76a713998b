import { Schema } from "effect"
import { breakdownKey } from "../../breakdown/index.ts"
import { define } from "../../Metric.ts"
import * as Params from "../../params.ts"
import { topEventsReference } from "./reference.ts"
import { shapeTopEvents, topEventsSql } from "./sql.ts"

const row = Schema.Struct({
  ...breakdownKey,
  event_type: Schema.String,
  events: Schema.Int,
  users: Schema.Int
})

const details = ["With a breakdown, one such list for each value, `limit` long; values are ranked by events."]

/** Events and distinct users per event type; ties in events are broken by event type, ascending by code point. */
export const topEvents = define({
  name: "top-events",
  description: "The most frequent event types in a range, with their distinct users.",
  details,
  params: Schema.Struct({
    from: Params.from,
    to: Params.to,
    tz: Params.tz,
    limit: Params.limit,
    ...Params.common
  }).check(Params.rangeCheck),
  row,
  sql: topEventsSql,
  shape: shapeTopEvents,
  reference: topEventsReference
})
