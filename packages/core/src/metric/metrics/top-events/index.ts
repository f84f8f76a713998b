import { Schema } from "effect"
import { define } from "../../Metric.ts"
import { sql } from "../../SqlText.ts"
import { defineMembers, eventsOfValue } from "../../members.ts"
import { params, row, type TopEventsRow } from "./model.ts"
import { eventsInRange, groupByType, topEventsReference } from "./reference.ts"
import { eventsIn, shapeTopEvents, topEventsSql } from "./sql.ts"
import * as Params from "../../params.ts"

const topEventsMembers = defineMembers({
  name: "top-events/users",
  description: "The users of one event type in a range.",
  params: Schema.Struct({
    ...Params.range,
    event_type: Params.eventType,
    ...Params.listed
  })
    .check(Params.rangeCheck)
    .check(Params.valueCheck),
  cells: ({ event_type, users }: TopEventsRow) => [{ users, cell: { event_type } }],
  cell: (question, context, dialect) => {
    const groups = eventsIn(question, context, dialect)
    return { groups, rows: sql`SELECT ${groups.key}user_id FROM ${groups.source} WHERE name = ${question.event_type}` }
  },
  reference: (events, question) => {
    const groups = groupByType(eventsOfValue(events, question, eventsInRange(question)), question)
    return (groups.find(([type]) => type === question.event_type)?.[1] ?? []).map(({ user_id }) => user_id)
  }
})

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
