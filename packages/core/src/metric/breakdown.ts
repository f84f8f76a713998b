import { Schema } from "effect"
import type { Event } from "../event/Event.ts"
import type { Dialect } from "./Dialect.ts"
import { type Field, propertyOf, valueOf } from "./filter/index.ts"
import type { RawRow } from "./Metric.ts"
import { compareCodePoints, integerOf } from "./rows.ts"
import { sql, type SqlText } from "./SqlText.ts"

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

const KIND = { none: 0, truth: 1, number: 2, text: 3, other: 4 } as const

/** Columns `(kind, label, amount)` that tell values apart, none of them null; their order is that of equal ranks. */
export const breakdownColumns = (field: Field | undefined, dialect: Dialect): SqlText => {
  if (field === undefined) return sql`${KIND.none} AS kind, '' AS label, ${dialect.double(0)} AS amount`
  const property = propertyOf(field)
  if (property === undefined)
    return sql`${kindOfText(sql`event_type`)} AS kind, event_type AS label, ${dialect.double(0)} AS amount`
  const text = dialect.propertyText(property)
  const number = dialect.propertyNumber(property)
  const truth = dialect.propertyTruth(property)
  const truthText = sql`CASE WHEN ${truth} THEN 'true' WHEN NOT ${truth} THEN 'false' ELSE '' END`
  return sql`
    CASE WHEN ${text} IS NOT NULL THEN ${kindOfText(text)} WHEN ${number} IS NOT NULL THEN ${KIND.number}
      WHEN ${truth} IS NOT NULL THEN ${KIND.truth} ELSE ${KIND.none} END AS kind,
    COALESCE(${text}, ${truthText}) AS label,
    COALESCE(${number}, ${dialect.double(0)}) + ${dialect.double(0)} AS amount`
}

const kindOfText = (text: SqlText) =>
  sql`CASE ${text} WHEN ${NONE} THEN ${KIND.none} WHEN ${OTHER} THEN ${KIND.other} ELSE ${KIND.text} END`

/** Rows `(kind, label, amount, place)` of the values told apart, best first. `score` is an aggregate over `source`. */
export const rankedSql = (source: SqlText, score: SqlText): SqlText => sql`
  SELECT kind, label, amount, ROW_NUMBER() OVER (ORDER BY score DESC NULLS LAST, kind, amount, label) AS place
  FROM (
    SELECT kind, label, amount, ${score} AS score FROM ${source}
    WHERE kind IN (${KIND.truth}, ${KIND.number}, ${KIND.text}) GROUP BY kind, label, amount
  ) AS scored
  ORDER BY place
  LIMIT ${BREAKDOWN_MAX}`

/** Places of the values that are not told apart. */
export const PLACE = { other: BREAKDOWN_MAX + 1, none: BREAKDOWN_MAX + 2 } as const

/** `source` with each row's `place`; `ranked` names a table of {@link rankedSql}. */
export const placedSql = (source: SqlText, ranked: SqlText): SqlText => sql`
  SELECT source.*, CASE WHEN source.kind = ${KIND.none} THEN ${PLACE.none} ELSE COALESCE(ranked.place, ${PLACE.other}) END AS place
  FROM ${source} AS source
  LEFT JOIN ${ranked} AS ranked
    ON source.kind = ranked.kind AND source.label = ranked.label AND source.amount = ranked.amount`

/** The value that a place stands for, from its row of {@link rankedSql}. */
export const valueOfPlace = (place: number, row: RawRow | undefined): BreakdownValue => {
  if (row === undefined) return place === PLACE.none ? NONE : OTHER
  const kind = integerOf(row, "kind")
  if (kind === KIND.number) return Number(row["amount"])
  return kind === KIND.truth ? row["label"] === "true" : String(row["label"])
}

/** The reference's side: an event's value. */
export const breakdownOf = (event: Event, field: Field): BreakdownValue => {
  const value = valueOf(event, field)
  if (typeof value === "number") return value + 0
  return typeof value === "string" || typeof value === "boolean" ? value : NONE
}

/** The values in the order of their rows: the best by `score`, then {@link OTHER} and {@link NONE} where there are any. */
export const orderOf = (
  scores: ReadonlyMap<BreakdownValue, number | null>
): { readonly named: ReadonlyArray<BreakdownValue>; readonly all: ReadonlyArray<BreakdownValue> } => {
  const ranked = [...scores].filter(([value]) => value !== NONE && value !== OTHER).toSorted(compareScores)
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
