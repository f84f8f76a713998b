import { Schema } from "effect"
import * as Params from "../../params.ts"
import { sql } from "../../SqlText.ts"
import { defineUsers, ofValue } from "../../users.ts"
import { attempts } from "./model.ts"
import { named } from "./plan.ts"
import { attemptsByValue, attemptsIn } from "./reference.ts"
import { attemptsOf } from "./sql.ts"

/** Which of the steps, from 1. */
const step = Params.integer(1, 20)

export const funnelUsers = defineUsers({
  name: "funnel/users",
  description: "The users who got to a step, or who got to the one before and no further.",
  params: Schema.Struct({
    ...attempts,
    step,
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
  cell: (params, context, dialect) => {
    const groups = attemptsOf(params, context, dialect)
    const [at, before] = [named("t", params.step), named("t", params.step - 1)]
    const met = params.outcome === "reached" ? sql`${at} IS NOT NULL` : sql`${before} IS NOT NULL AND ${at} IS NULL`
    return { groups, rows: sql`SELECT ${groups.key}user_id FROM ${groups.source} WHERE ${met}` }
  },
  reference: (events, params) => {
    const attempts =
      params.breakdown === undefined
        ? attemptsIn(events, params)
        : ofValue(attemptsByValue(events, params), params.breakdown_value)
    const isMet = (reached: number) =>
      params.outcome === "reached" ? reached >= params.step : reached === params.step - 1
    return attempts.flatMap(({ times, user }) => (isMet(times.length) ? [user] : []))
  }
})
