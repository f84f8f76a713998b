import { Schema } from "effect"
import type { Event } from "../../event/Event.ts"
import { comparable } from "../../event/json.ts"
import { type Field, valueOf } from "../filter/index.ts"
import { compareCodePoints } from "../rows.ts"

/** How many values are told apart; the rest is one. */
export const BREAKDOWN_MAX = 25
export const OTHER = "$other"
/** The value of events without the property, and of those where it is a list or an object. */
export const NONE = "$none"

/** The text `"1"` and the number 1 are two values. A property whose text is itself `$none` or `$other` counts there. */
export type BreakdownValue = string | number | boolean

export const BreakdownValue = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean]).annotate({
  description: `A value of the breakdown; ${OTHER}: all but the first ${BREAKDOWN_MAX}, ${NONE}: those without one.`
})

/** Breakdown, as a metric's parameters have it. */
export interface WithBreakdown {
  readonly breakdown?: Field | undefined
  /**
   * `event`: the value of the event that is counted, or from which a user is followed. `user`: of the user's latest event,
   * in all history, that has a value.
   */
  readonly breakdown_of: "event" | "user"
  /** Where users are listed: the one value that they have. It is told apart, whatever its rank. */
  readonly breakdown_value?: BreakdownValue | undefined
}

/** A row of an answer that may be broken down. */
export type WithBreakdownValue<Row> = Row & { readonly breakdown?: BreakdownValue }

/** A row but for the value. */
export type WithoutBreakdown<Row> = Omit<Row, "breakdown">

/** The field of a row's schema that says which value it belongs to. */
export const breakdownKey = { breakdown: Schema.optionalKey(BreakdownValue) }

/** An event's value. */
export const breakdownOf = (event: Event, field: Field): BreakdownValue => {
  const value = comparable(valueOf(event, field))
  if (typeof value === "number") return value + 0
  return typeof value === "string" || typeof value === "boolean" ? value : NONE
}

/**
 * The values in the order of their rows: `wanted`, then the best by `score`, then {@link OTHER} and {@link NONE} where
 * there are any.
 */
export const orderOf = (
  scores: ReadonlyMap<BreakdownValue, number | null>,
  wanted?: BreakdownValue
): { readonly named: ReadonlyArray<BreakdownValue>; readonly all: ReadonlyArray<BreakdownValue> } => {
  const ranked = [...scores]
    .filter(([value]) => value !== NONE && value !== OTHER)
    .toSorted((a, b) => Number(b[0] === wanted) - Number(a[0] === wanted) || compareScores(a, b))
  const named = ranked.slice(0, BREAKDOWN_MAX).map(([value]) => value)
  const others = ranked.length > BREAKDOWN_MAX || scores.has(OTHER)
  return { named, all: [...named, ...(others ? [OTHER] : []), ...(scores.has(NONE) ? [NONE] : [])] }
}

type Scored = readonly [value: BreakdownValue, score: number | null]

const KINDS = ["boolean", "number", "string"]

const compareScores = ([a, x]: Scored, [b, y]: Scored): number => {
  if (x !== y) return x === null ? 1 : y === null ? -1 : y - x
  const kinds = KINDS.indexOf(typeof a) - KINDS.indexOf(typeof b)
  if (kinds !== 0) return kinds
  return typeof a === "number" && typeof b === "number" ? a - b : compareCodePoints(String(a), String(b))
}
