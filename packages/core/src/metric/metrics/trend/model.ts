import type { Broken, Valued } from "../../breakdown/index.ts"
import type { Spanned } from "../../calendar.ts"
import type { Narrowed } from "../../source.ts"

export const AGGREGATES = ["sum", "avg", "min", "max", "p50", "p90", "p95", "p99"] as const
export const MEASURES = ["events", "users", ...AGGREGATES] as const

export type Measure = (typeof MEASURES)[number]

export interface TrendParams extends Spanned, Narrowed, Broken {
  readonly event_type?: string | undefined
  readonly measure: Measure
  readonly property?: string | undefined
}

export interface TrendMeasure {
  readonly date: string
  /** Null: no number to take an average, extreme or percentile of. */
  readonly value: number | null
  readonly complete: boolean
}

/** Of the percentiles: the least value that at least so many percent of the values do not exceed. */
export const PERCENT: Partial<Readonly<Record<Measure, number>>> = { p50: 50, p90: 90, p95: 95, p99: 99 }

/** The value of an interval without any event. */
export const emptyValue = (measure: Measure): number | null =>
  measure === "events" || measure === "users" || measure === "sum" ? 0 : null

export type TrendRow = Valued<TrendMeasure>
