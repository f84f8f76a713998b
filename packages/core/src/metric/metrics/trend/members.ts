import { Schema } from "effect"
import { timeBuckets } from "../../calendar.ts"
import { doubleOf } from "../../../event/json.ts"
import { valueOf } from "../../filter/index.ts"
import * as Params from "../../params.ts"
import { sql } from "../../SqlText.ts"
import { defineMembers, eventsOfValue } from "../../members.ts"
import { ownParams, propertyCheck, type TrendRow } from "./model.ts"
import { eventsByDate, measureOfRange } from "./reference.ts"
import { eventsIn } from "./sql.ts"

export const trendMembers = defineMembers({
  name: "trend/users",
  description: "The users whose events make the number of one interval.",
  params: Schema.Struct({
    ...ownParams,
    date: Params.cellDate,
    ...Params.listed
  })
    .check(Params.rangeCheck)
    .check(propertyCheck)
    .check(Params.dateCheck)
    .check(Params.valueCheck),
  // Of the measure users; of others, where there is anything to look for.
  cells: ({ date, value }: TrendRow) => [{ users: value ?? 0, cell: { date } }],
  cell: (params, context, dialect) => {
    const groups = eventsIn(params, context, dialect)
    const { bucket } = timeBuckets(params, context.as_of).find(({ date }) => date === params.date)!
    const measured = params.property === undefined ? sql`` : sql`AND value IS NOT NULL`
    const rows = sql`SELECT ${groups.key}user_id FROM ${groups.source} WHERE bucket = ${bucket} ${measured}`
    return { groups, rows }
  },
  reference: (events, params, context) => {
    const of = eventsOfValue(events, params, measureOfRange(params, context))
    const group = eventsByDate(of, params).get(params.date) ?? []
    const { property } = params
    const measured = group.filter(
      (event) => property === undefined || typeof doubleOf(valueOf(event, `properties.${property}`)) === "number"
    )
    return measured.map(({ user_id }) => user_id)
  }
})
