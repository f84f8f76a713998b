import { define } from "../../Metric.ts"
import { params, row, type TrendParams } from "./model.ts"
import { trendReference } from "./reference.ts"
import { shapeTrend } from "./shape.ts"
import { trendSql } from "./sql.ts"
import { trendMembers } from "./members.ts"

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
