import { shapeEach } from "../../breakdown/index.ts"
import { timeBuckets } from "../../calendar.ts"
import type { AskContext } from "../../Metric.ts"
import { integerOf, type RawRow } from "../../rows.ts"
import { emptyValue, type TrendParams, type TrendRow } from "./model.ts"

/** Fills the gaps and divides averages. */
export const shapeTrend = (
  raw: ReadonlyArray<RawRow>,
  params: TrendParams,
  context: AskContext
): ReadonlyArray<TrendRow> => {
  const buckets = timeBuckets(params, context.as_of)
  return shapeEach(raw, params, (rows) => {
    const byBucket = new Map(rows.map((row) => [integerOf(row, "bucket"), row]))
    return buckets.map(({ bucket, complete, date }) => ({
      date,
      value: valueIn(byBucket.get(bucket), params),
      complete
    }))
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
