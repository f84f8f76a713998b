import { Schema } from "effect"
import * as Params from "../../params.ts"
import { sql } from "../../SqlText.ts"
import { defineMembers, ofValue } from "../../members.ts"
import { attempts, type FunnelRow } from "./model.ts"
import { named } from "./plan.ts"
import { attemptsByValue, attemptsIn } from "./reference.ts"
import { attemptsOf } from "./sql.ts"

export const funnelMembers = defineMembers({
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
    const before = rows.find((row) => row.step === step - 1 && row.breakdown === breakdown)
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
  cell: (params, context, dialect) => {
    const groups = attemptsOf(params, context, dialect)
    const [at, before] = [named("t", params.step), named("t", params.step - 1)]
    const met = params.outcome === "reached" ? sql`${at} IS NOT NULL` : sql`${before} IS NOT NULL AND ${at} IS NULL`
    return { groups, rows: sql`SELECT ${groups.key}user_id FROM ${groups.source} WHERE ${met}` }
  },
  reference: (events, params) => {
    const found =
      params.breakdown === undefined
        ? attemptsIn(events, params)
        : ofValue(attemptsByValue(events, params), params.breakdown_value)
    const isMet = (reached: number) =>
      params.outcome === "reached" ? reached >= params.step : reached === params.step - 1
    return found.flatMap(({ times, user }) => (isMet(times.length) ? [user] : []))
  }
})
