import { Schema } from "effect"
import * as Params from "../../params.ts"
import { sql } from "../../SqlText.ts"
import { defineMembers, eventsOfValue } from "../../members.ts"
import type { TopEventsRow } from "./model.ts"
import { eventsInRange, groupByType } from "./reference.ts"
import { eventsIn } from "./sql.ts"

export const topEventsMembers = defineMembers({
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
  cell: (params, context, dialect) => {
    const groups = eventsIn(params, context, dialect)
    return { groups, rows: sql`SELECT ${groups.key}user_id FROM ${groups.source} WHERE name = ${params.event_type}` }
  },
  reference: (events, params) => {
    const groups = groupByType(eventsOfValue(events, params, eventsInRange(params)), params)
    return (groups.find(([type]) => type === params.event_type)?.[1] ?? []).map(({ user_id }) => user_id)
  }
})
