import { Schema } from "effect"
import { breakdownKey } from "../../breakdown/index.ts"
import { define } from "../../Metric.ts"
import * as Params from "../../params.ts"
import { trendReference } from "./reference.ts"
import { shapeTrend } from "./shape.ts"
import { trendSql } from "./sql.ts"

const row = Schema.Struct({
  date: Schema.String.annotate({ description: "First local day of the interval; for hours RFC 3339 with the offset." }),
  ...breakdownKey,
  value: Schema.NullOr(Schema.Finite).annotate({
    description: "The measure; null where there is no number to take an average, extreme or percentile of."
  }),
  complete: Schema.Boolean
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

/** Events, distinct users, or an aggregate of a numeric property, per interval. */
export const trend = define({
  name: "trend",
  description: "Events, users, or an aggregate of a numeric property, per interval and by a property.",
  details,
  params: Schema.Struct({
    ...Params.timeline,
    event_type: Params.optionalEventType,
    measure: Params.measureOfTrend,
    property: Params.optionalProperty,
    ...Params.common
  })
    .check(Params.rangeCheck)
    .check(Params.propertyCheck),
  row,
  sql: trendSql,
  shape: shapeTrend,
  reference: trendReference
})
