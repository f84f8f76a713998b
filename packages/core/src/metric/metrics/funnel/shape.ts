import { shapeEach } from "../../breakdown/index.ts"
import { dayOfDate, endOfDay } from "../../calendar.ts"
import type { AskContext } from "../../Metric.ts"
import { integerOf, type RawRow } from "../../rows.ts"
import { type FunnelParams, type FunnelRow, rowsOf, windowMicros } from "./model.ts"

/** Lays the counts out, one row a step; a step that nobody reached has one as well. */
export const shapeFunnel = (
  raw: ReadonlyArray<RawRow>,
  params: FunnelParams,
  { as_of }: AskContext
): ReadonlyArray<FunnelRow> => {
  const complete = endOfDay(params.tz, dayOfDate(params.to)) + windowMicros(params.window) <= as_of
  return shapeEach(raw, params, (found) =>
    rowsOf(
      params.steps.map((_, index) => {
        const row = found.find((of) => integerOf(of, "step") === index + 1) ?? {}
        const median = row["median"]
        return {
          users: integerOf(row, "users"),
          // Past 2^53 microseconds a sum is rounded, here as in the reference.
          micros: Number(row["micros"] ?? 0),
          medianMicros: median === null || median === undefined ? null : Number(median)
        }
      }),
      complete
    )
  )
}
