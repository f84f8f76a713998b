import type { Event } from "../../../event/Event.ts"
import { type BreakdownValue, breakdownOf, orderOf, OTHER } from "../../breakdown.ts"
import { matchesEvent } from "../../events.ts"
import { valueOf } from "../../filter/index.ts"
import { labelIn, localSlots } from "../../localTimeline.ts"
import type { AskContext } from "../../Metric.ts"
import { emptyValue, PERCENT, type TrendParams, type TrendRow } from "./model.ts"

/** The definition: put events into intervals and values, measure each heap. */
export const trendReference = (
  events: ReadonlyArray<Event>,
  params: TrendParams,
  context: AskContext
): ReadonlyArray<TrendRow> => {
  const label = labelIn(params)
  const slots = localSlots(params, context.as_of)
  const dates = new Set(slots.map(({ date }) => date))
  const counted = events.filter(
    (event) => matchesEvent(event, params.event_type) && dates.has(label(event.occurred_at))
  )
  const series = (of: ReadonlyArray<Event>) =>
    slots.map(({ complete, date }) => {
      const heap = of.filter((event) => label(event.occurred_at) === date)
      return { date, value: measure(heap, params), complete }
    })
  const { breakdown } = params
  if (breakdown === undefined) return series(counted)
  const heaps = new Map<BreakdownValue, Array<Event>>()
  for (const event of counted) {
    const value = breakdownOf(event, breakdown)
    heaps.set(value, [...(heaps.get(value) ?? []), event])
  }
  const order = orderOf(new Map([...heaps].map(([value, heap]) => [value, measure(heap, params)])))
  const rest = [...heaps].filter(([value]) => !order.all.includes(value) || value === OTHER).flatMap(([, heap]) => heap)
  return order.all.flatMap((value) =>
    series(value === OTHER ? rest : heaps.get(value)!).map(({ date, ...row }) => ({ date, breakdown: value, ...row }))
  )
}

const measure = (events: ReadonlyArray<Event>, params: TrendParams): number | null => {
  if (params.measure === "events") return events.length
  if (params.measure === "users") return new Set(events.map(({ user_id }) => user_id)).size
  const values = events
    .map((event) => valueOf(event, `properties.${params.property!}`))
    .filter((value) => typeof value === "number")
    .toSorted((a, b) => a - b)
  if (values.length === 0) return emptyValue(params.measure)
  const percent = PERCENT[params.measure]
  if (percent !== undefined) return values[Math.ceil((percent * values.length) / 100) - 1]! + 0
  if (params.measure === "min") return values[0]! + 0
  if (params.measure === "max") return values.at(-1)! + 0
  const sum = values.reduce((total, value) => total + value, 0)
  const result = params.measure === "sum" ? sum : sum / values.length
  return Number.isFinite(result) ? result : null
}
