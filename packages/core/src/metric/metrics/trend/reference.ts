import type { Event } from "../../../event/Event.ts"
import { eachValue } from "../../breakdown/index.ts"
import { matchesEvent } from "../../events.ts"
import { sumOf } from "../../exactSum.ts"
import { valueOf } from "../../filter/index.ts"
import { doubleOf } from "../../../event/json.ts"
import { labelIn, localBuckets } from "../../localTimeline.ts"
import type { AskContext } from "../../Metric.ts"
import { emptyValue, PERCENT, type TrendParams, type TrendRow } from "./model.ts"

/** The definition: put events into intervals and values, measure each group. */
export const trendReference = (
  events: ReadonlyArray<Event>,
  params: TrendParams,
  context: AskContext
): ReadonlyArray<TrendRow> => {
  const buckets = localBuckets(params, context.as_of)
  return eachValue(events, params, measureOfRange(params, context), (of) => {
    const byDate = eventsByDate(of, params)
    return buckets.map(({ complete, date }) => ({ date, value: measure(byDate.get(date) ?? [], params), complete }))
  })
}

/** Score by which values are ranked: the measure of all the range's intervals together. */
export const measureOfRange = (params: TrendParams, { as_of }: AskContext) => {
  const dates = localBuckets(params, as_of).map(({ date }) => date)
  return (events: ReadonlyArray<Event>) => {
    const byDate = eventsByDate(events, params)
    const counted = dates.flatMap((date) => byDate.get(date) ?? []).filter((event) => isMeasured(event, params))
    return counted.length === 0 ? undefined : measure(counted, params)
  }
}

/** Whether there is anything to aggregate: values of which there is not have no part in the answer. */
const isMeasured = (event: Event, { property }: TrendParams): boolean =>
  property === undefined || typeof doubleOf(valueOf(event, `properties.${property}`)) === "number"

/** Counted events by the label of their interval. */
export const eventsByDate = (events: ReadonlyArray<Event>, params: TrendParams) => {
  const label = labelIn(params)
  return Map.groupBy(
    events.filter((event) => matchesEvent(event, params.event_type)),
    ({ occurred_at }) => label(occurred_at)
  )
}

const measure = (events: ReadonlyArray<Event>, params: TrendParams): number | null => {
  if (params.measure === "events") return events.length
  if (params.measure === "users") return new Set(events.map(({ user_id }) => user_id)).size
  const values = events
    .map((event) => doubleOf(valueOf(event, `properties.${params.property!}`)))
    .filter((value) => typeof value === "number")
    .toSorted((a, b) => a - b)
  if (values.length === 0) return emptyValue(params.measure)
  const percent = PERCENT[params.measure]
  if (percent !== undefined) return values[Math.ceil((percent * values.length) / 100) - 1]! + 0
  if (params.measure === "min") return values[0]! + 0
  if (params.measure === "max") return values.at(-1)! + 0
  const sum = sumOf(values)
  const result = params.measure === "sum" ? sum : sum / values.length
  return Number.isFinite(result) ? result : null
}
