import { Schema } from "effect"
import { define } from "../../Metric.ts"
import { sql } from "../../SqlText.ts"
import type { Filter } from "../../filter/index.ts"
import { defineMembers, ofValue } from "../../members.ts"
import { attempts, type FunnelParams, type FunnelRow, params, row } from "./model.ts"
import { named } from "./plan.ts"
import { attemptsByValue, attemptsIn, funnelReference } from "./reference.ts"
import { attemptsOf, funnelSql, shapeFunnel } from "./sql.ts"
import * as Params from "../../params.ts"

/** What a step asks for, in a few words. In any order the steps have no place: the rows count how many were taken. */
const stepName = ({ step }: Pick<FunnelRow, "step">, { order, steps }: Partial<FunnelParams>): string => {
  const filter = order === "any" ? undefined : steps?.[step - 1]
  return filter === undefined ? "" : nameOf(filter)
}

const nameOf = (filter: Filter | undefined): string => {
  if (filter === undefined) return ""
  if ("and" in filter) return `${nameOf(filter.and[0])} …`
  if ("or" in filter) return `${nameOf(filter.or[0])} or …`
  const { field, op, value } = filter
  return field === "event_type" && op === "=" ? String(value) : `${field} ${op} ${JSON.stringify(value)}`
}

const funnelMembers = defineMembers({
  name: "funnel/users",
  description: "The users who got to a step, or who got to the one before and no further.",
  params: Schema.Struct({
    ...attempts,
    step: Params.integer(1, 20),
    outcome: Params.choice(["reached", "dropped"]),
    ...Params.listed
  })
    .check(Params.rangeCheck)
    .check(Params.valueCheck)
    .check(
      Schema.makeFilter(({ outcome, step, steps }) => {
        if (step > steps.length)
          return { path: ["step"], issue: `must not be above ${steps.length}, the number of steps` }
        return outcome === "dropped" && step === 1
          ? { path: ["step"], issue: "must be at least 2 with outcome=dropped: nobody drops out before the first" }
          : undefined
      })
    ),
  cells: ({ breakdown, step, users }: FunnelRow, rows) => {
    const before = rows.find((other) => other.step === step - 1 && other.breakdown === breakdown)
    const reached = { users, cell: { step: String(step) } }
    if (before === undefined) return [reached]
    return [reached, { users: before.users - users, cell: { step: String(step), outcome: "dropped" } }]
  },
  spellings: {
    reached: { field: "step", with: { outcome: "reached" }, help: "The users who got to this step" },
    dropped: {
      field: "step",
      with: { outcome: "dropped" },
      help: "The users who got to the step before this one, and no further"
    }
  },
  cell: (question, context, dialect) => {
    const groups = attemptsOf(question, context, dialect)
    const [at, before] = [named("t", question.step), named("t", question.step - 1)]
    const met = question.outcome === "reached" ? sql`${at} IS NOT NULL` : sql`${before} IS NOT NULL AND ${at} IS NULL`
    return { groups, rows: sql`SELECT ${groups.key}user_id FROM ${groups.source} WHERE ${met}` }
  },
  reference: (events, question) => {
    const found =
      question.breakdown === undefined
        ? attemptsIn(events, question)
        : ofValue(attemptsByValue(events, question), question.breakdown_value)
    const isMet = (reached: number) =>
      question.outcome === "reached" ? reached >= question.step : reached === question.step - 1
    return found.flatMap(({ times, user }) => (isMet(times.length) ? [user] : []))
  }
})

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
