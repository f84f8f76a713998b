import { Schema } from "effect"
import { define } from "../../Metric.ts"
import { sql } from "../../SqlText.ts"
import { timeBuckets } from "../../calendar.ts"
import { defineMembers, eventsOfValue } from "../../members.ts"
import { lifecycleActivity } from "./activity.ts"
import { type LifecycleRow, params, row, STATES } from "./model.ts"
import { lifecycleReference, statesOn, usersInRange } from "./reference.ts"
import { eventsIn, isIn, lifecycleSql, neighboursSql, shapeLifecycle } from "./sql.ts"
import * as Params from "../../params.ts"

const lifecycleMembers = defineMembers({
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
  cells: ({ date, ...counts }: LifecycleRow) =>
    STATES.map((state) => ({ users: Math.abs(counts[state]), cell: { date, state } })),
  cell: (question, context, dialect) => {
    const groups = eventsIn(question, context, dialect)
    const { bucket } = timeBuckets(question, context.as_of).find(({ date }) => date === question.date)!
    const rows = sql`
      WITH ${neighboursSql(groups)}
      SELECT ${groups.key}user_id FROM neighbours
      WHERE bucket = ${question.state === "dormant" ? bucket - 1 : bucket} AND ${isIn[question.state]}`
    return { groups, rows }
  },
  reference: (events, question, context) => {
    const of = eventsOfValue(events, question, usersInRange(question, context))
    return statesOn(of, question)(question.date).flatMap(([user, state]) => (state === question.state ? [user] : []))
  }
})

const details = [
  "The first event is sought over all history. Every interval that the range touches is counted whole. With a " +
    "breakdown by events, a user is new to each value anew; values are ranked by the users of the range."
]

/** Lifecycle: where active users come from and go to, per interval. New, returning and resurrecting add up to them. */
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
