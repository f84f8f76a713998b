import { Schema } from "effect"
import { doubleOf } from "../../../event/json.ts"
import { define } from "../../Metric.ts"
import { sql } from "../../SqlText.ts"
import { timeBuckets } from "../../calendar.ts"
import { valueOf } from "../../filter/index.ts"
import { defineMembers, eventsOfValue } from "../../members.ts"
import { ownParams, params, propertyCheck, row, type TrendParams, type TrendRow } from "./model.ts"
import { eventsByDate, measureOfRange, trendReference } from "./reference.ts"
import { eventsIn, shapeTrend, trendSql } from "./sql.ts"
import * as Params from "../../params.ts"

const trendMembers = defineMembers({
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
  cell: (question, context, dialect) => {
    const groups = eventsIn(question, context, dialect)
    const { bucket } = timeBuckets(question, context.as_of).find(({ date }) => date === question.date)!
    const measured = question.property === undefined ? sql`` : sql`AND value IS NOT NULL`
    const rows = sql`SELECT ${groups.key}user_id FROM ${groups.source} WHERE bucket = ${bucket} ${measured}`
    return { groups, rows }
  },
  reference: (events, question, context) => {
    const of = eventsOfValue(events, question, measureOfRange(question, context))
    const group = eventsByDate(of, question).get(question.date) ?? []
    const { property } = question
    const measured = group.filter(
      (event) => property === undefined || typeof doubleOf(valueOf(event, `properties.${property}`)) === "number"
    )
    return measured.map(({ user_id }) => user_id)
  }
})

const details = [
  "Every interval that the range touches is counted whole. Events whose property is no number are left out of " +
    "aggregates.",
  "A percentile is the least value that at least so many percent of the values do not exceed: always one of them.",
  "With `breakdown`, one series for each of the 25 best values by the measure over all of these intervals " +
    "(equal ones: booleans, numbers, texts, each ascending), then `$other` and `$none` where there are any. Of an " +
    "aggregate, values without any number in the range have no part in the answer.",
  "Sums are of doubles, added as integers of 2^-60 (of 2^-14 from 2^38 on), in no order: what cancels, cancels " +
    "wholly, and only the result is rounded. What lies outside (numbers from 2^80 on, digits below 2^-60) is added " +
    "as doubles with compensation. A sum too large for a double is null."
]

const measured = ({ measure, property }: Partial<TrendParams>): string =>
  property === undefined ? `${measure}` : `${measure} of ${property}`

/** Events, distinct users, or an aggregate of a numeric property, per interval. */
export const trend = define({
  name: "trend",
  title: "Events, users or an aggregate of a property per interval, by a property",
  description: "Events, users, or an aggregate of a numeric property, per interval and by a property.",
  details,
  params,
  row,
  sql: trendSql,
  shape: shapeTrend,
  reference: trendReference,
  members: trendMembers,
  drawn: {
    heading: (given) => `${measured(given)} per ${given.interval}`,
    nothing: "no events in this range",
    columns: [{ field: "date" }, { field: "value", title: measured }],
    bar: "value",
    breakdown: "curves"
  }
})
