import { Schema } from "effect"
import { timeBuckets } from "../../calendar.ts"
import * as Params from "../../params.ts"
import { sql } from "../../SqlText.ts"
import { defineMembers, eventsOfValue } from "../../members.ts"
import { STATES, type LifecycleRow } from "./model.ts"
import { statesOn, usersInRange } from "./reference.ts"
import { eventsIn, isIn, neighboursSql } from "./sql.ts"

export const lifecycleMembers = defineMembers({
  name: "lifecycle/users",
  description: "The users who are new, returning, resurrecting or dormant in one interval.",
  params: Schema.Struct({
    ...Params.dateTimeline,
    event_type: Params.countedType,
    date: Params.cellDate,
    state: Params.choice(STATES),
    ...Params.listed
  })
    .check(Params.rangeCheck)
    .check(Params.dateCheck)
    .check(Params.valueCheck),
  cells: ({ date, ...row }: LifecycleRow) =>
    STATES.map((state) => ({ users: Math.abs(row[state]), cell: { date, state } })),
  cell: (params, context, dialect) => {
    const groups = eventsIn(params, context, dialect)
    const { bucket } = timeBuckets(params, context.as_of).find(({ date }) => date === params.date)!
    const rows = sql`
      WITH ${neighboursSql(groups)}
      SELECT ${groups.key}user_id FROM neighbours
      WHERE bucket = ${params.state === "dormant" ? bucket - 1 : bucket} AND ${isIn[params.state]}`
    return { groups, rows }
  },
  reference: (events, params, context) => {
    const of = eventsOfValue(events, params, usersInRange(params, context))
    return statesOn(of, params)(params.date).flatMap(([user, state]) => (state === params.state ? [user] : []))
  }
})
