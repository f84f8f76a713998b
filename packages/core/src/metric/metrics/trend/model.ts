import { Schema } from "effect"
import { breakdownKey } from "../../breakdown/index.ts"
import * as Params from "../../params.ts"

const AGGREGATES = ["sum", "avg", "min", "max", "p50", "p90", "p95", "p99"] as const
const MEASURES = ["events", "users", ...AGGREGATES] as const

type Measure = (typeof MEASURES)[number]

/** The parameters of a trend; goes with {@link propertyCheck}. */
export const ownParams = {
  ...Params.timeline,
  event_type: Params.countedType,
  measure: Params.choice(MEASURES),
  property: Params.property("The numeric property that is summed, averaged …")
}

const needsProperty: ReadonlySet<string> = new Set(AGGREGATES)

/** Aggregates are of a property; counts have no use for one. */
export const propertyCheck = Schema.makeFilter(
  ({ measure, property }: { readonly measure: string; readonly property?: string | undefined }) =>
    needsProperty.has(measure) === (property !== undefined)
      ? undefined
      : {
          path: ["property"],
          issue: property === undefined ? `is required for ${measure}` : `has no use for ${measure}`
        }
)

export const params = Schema.Struct({ ...ownParams, ...Params.common })
  .check(Params.rangeCheck)
  .check(propertyCheck)
export type TrendParams = typeof params.Type

export const row = Schema.Struct({
  date: Schema.String.annotate({ description: "First local day of the interval; for hours RFC 3339 with the offset." }),
  ...breakdownKey,
  value: Schema.NullOr(Schema.Finite).annotate({
    description: "The measure; null where there is no number to take an average, extreme or percentile of."
  }),
  complete: Schema.Boolean
})
export type TrendRow = typeof row.Type

/** Percentiles: the least value that at least so many percent of the values do not exceed. */
export const PERCENT: Partial<Readonly<Record<Measure, number>>> = { p50: 50, p90: 90, p95: 95, p99: 99 }

/** The value of an interval without any event. */
export const emptyValue = (measure: Measure): number | null =>
  measure === "events" || measure === "users" || measure === "sum" ? 0 : null
