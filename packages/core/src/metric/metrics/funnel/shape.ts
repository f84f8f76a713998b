import { PLACE, valueOfPlace } from "../../breakdown.ts"
import { dayOfDate, endOfDay } from "../../calendar.ts"
import type { AskContext, RawRow } from "../../Metric.ts"
import { integerOf } from "../../rows.ts"
import { type FunnelParams, type FunnelRow, rowsOf, windowMicros } from "./model.ts"

/** Lays the counts out, one row a step; a step that nobody reached has one as well. */
export const shapeFunnel = (
  raw: ReadonlyArray<RawRow>,
  params: FunnelParams,
  { as_of }: AskContext
): ReadonlyArray<FunnelRow> => {
  const complete = endOfDay(params.tz, dayOfDate(params.to)) + windowMicros(params.window) <= as_of
  const rows = (of: ReadonlyArray<RawRow>) =>
    params.steps.map((_, index) => {
      const row = of.find((found) => integerOf(found, "step") === index + 1) ?? {}
      const median = row["median"]
      return {
        users: integerOf(row, "users"),
        // Past 2^53 microseconds a sum is rounded, here as in the reference.
        micros: Number(row["micros"] ?? 0),
        medianMicros: median === null || median === undefined ? null : Number(median)
      }
    })
  const counted = raw.filter(({ step }) => step !== null)
  if (params.breakdown === undefined) return rowsOf(rows(counted), complete)
  const names = new Map(raw.filter(({ step }) => step === null).map((row) => [integerOf(row, "place"), row]))
  return [...Map.groupBy(counted, (row) => integerOf(row, "place"))]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([place, of]) => {
      const value = valueOfPlace(place, place < PLACE.other ? names.get(place) : undefined)
      return rowsOf(rows(of), complete, value)
    })
}
