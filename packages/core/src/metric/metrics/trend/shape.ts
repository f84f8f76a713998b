import { PLACE, valueOfPlace } from "../../breakdown.ts"
import { slotsOf } from "../../calendar.ts"
import type { AskContext, RawRow } from "../../Metric.ts"
import { integerOf } from "../../rows.ts"
import { emptyValue, type TrendParams, type TrendRow } from "./model.ts"

/** Fills the gaps, divides averages, and names the places of a breakdown. */
export const shapeTrend = (
  raw: ReadonlyArray<RawRow>,
  params: TrendParams,
  context: AskContext
): ReadonlyArray<TrendRow> => {
  const slots = slotsOf(params, context.as_of)
  const series = (rows: ReadonlyArray<RawRow>) => {
    const byBucket = new Map(rows.map((row) => [integerOf(row, "bucket"), row]))
    return slots.map(({ bucket, complete, date }) => ({ date, value: valueIn(byBucket.get(bucket), params), complete }))
  }
  if (params.breakdown === undefined) return series(raw)
  const names = new Map(raw.filter(({ bucket }) => bucket === null).map((row) => [integerOf(row, "place"), row]))
  const byPlace = new Map<number, Array<RawRow>>()
  for (const row of raw) {
    if (row["bucket"] === null) continue
    const place = integerOf(row, "place")
    byPlace.set(place, [...(byPlace.get(place) ?? []), row])
  }
  return [...byPlace]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([place, rows]) => {
      const breakdown = valueOfPlace(place, place < PLACE.other ? names.get(place) : undefined)
      return series(rows).map(({ date, ...row }) => ({ date, breakdown, ...row }))
    })
}

const valueIn = (row: RawRow | undefined, { measure }: TrendParams): number | null => {
  if (row === undefined) return emptyValue(measure)
  if (measure === "events" || measure === "users") return integerOf(row, "value")
  const numbers = integerOf(row, "numbers")
  if (numbers === 0) return emptyValue(measure)
  const value = Number(row["value"])
  const result = measure === "avg" ? value / numbers : value
  return Number.isFinite(result) ? result + 0 : null
}
