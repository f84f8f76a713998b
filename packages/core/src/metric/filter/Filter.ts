import type { Event } from "../../event/Event.ts"
import { comparable, doubleOf, parseJson } from "../../event/json.ts"
import { compareCodePoints } from "../rows.ts"

/** Value that a condition compares with; JSON's scalars but null, which counts as missing. */
export type FilterValue = string | number | boolean

export type Comparison = "=" | "!=" | "<" | "<=" | ">" | ">="

/** `event_type`, or `properties.` and the name of a top-level property, taken as it is. */
export type Field = "event_type" | `properties.${string}`

/**
 * One condition.
 *
 * **Details**
 *
 * - A property that is absent or null is missing: nothing holds of it but `!=` and `exists: false`.
 * - `=` compares without conversion: the text `"1"` is not the number 1. `!=` holds wherever `=` does not.
 * - `<`, `<=`, `>`, `>=` compare numbers with numbers and text with text (by code point); anything else does not hold.
 * - `contains` looks for a part of a text, by code points, case and accents as they are.
 */
export type Condition =
  | { readonly field: Field; readonly op: Comparison; readonly value: FilterValue }
  | { readonly field: Field; readonly op: "in"; readonly value: ReadonlyArray<FilterValue> }
  | { readonly field: Field; readonly op: "exists"; readonly value: boolean }
  | { readonly field: Field; readonly op: "contains"; readonly value: string }

export type Filter = Condition | { readonly and: ReadonlyArray<Filter> } | { readonly or: ReadonlyArray<Filter> }

export const OPERATORS = ["=", "!=", "in", "<", "<=", ">", ">=", "exists", "contains"] as const

export const PROPERTIES_PREFIX = "properties."

/** The property a field names; `undefined` for `event_type`. */
export const propertyOf = (field: Field): string | undefined =>
  field === "event_type" ? undefined : field.slice(PROPERTIES_PREFIX.length)

/** The values that a filter insists on: no event meets two filters that insist on different ones of one field. */
export const pinsOf = (filter: Filter): ReadonlyMap<Field, FilterValue> => {
  if ("and" in filter) return new Map(filter.and.flatMap((part) => [...pinsOf(part)]))
  if ("or" in filter) return filter.or.length === 1 ? pinsOf(filter.or[0]!) : new Map()
  return filter.op === "=" ? new Map([[filter.field, filter.value]]) : new Map()
}

/** The definition of a filter, over one event. */
export const matches = (event: Event, filter: Filter): boolean => {
  if ("and" in filter) return filter.and.every((part) => matches(event, part))
  if ("or" in filter) return filter.or.some((part) => matches(event, part))
  return holds(valueOf(event, filter.field), filter)
}

/** A field's JSON value, as `parseJson` reads it; `undefined` when it is missing or null. */
export const valueOf = (event: Event, field: Field): unknown => {
  const property = propertyOf(field)
  if (property === undefined) return event.event_type
  const properties = parseJson(event.properties) as Record<string, unknown>
  return Object.hasOwn(properties, property) ? (properties[property] ?? undefined) : undefined
}

const holds = (found: unknown, condition: Condition): boolean => {
  switch (condition.op) {
    case "=":
      return comparable(found) === condition.value
    case "!=":
      return comparable(found) !== condition.value
    case "in":
      return condition.value.some((value) => comparable(found) === value)
    case "exists":
      return (found !== undefined) === condition.value
    case "contains":
      return typeof found === "string" && found.includes(condition.value)
    case "<":
      return isOrdered(found, condition.value, (order) => order < 0)
    case "<=":
      return isOrdered(found, condition.value, (order) => order <= 0)
    case ">":
      return isOrdered(found, condition.value, (order) => order > 0)
    case ">=":
      return isOrdered(found, condition.value, (order) => order >= 0)
  }
}

const isOrdered = (given: unknown, value: FilterValue, wanted: (order: number) => boolean): boolean => {
  const found = doubleOf(given)
  if (typeof found === "number" && typeof value === "number") return wanted(found - value)
  return typeof found === "string" && typeof value === "string" && wanted(compareCodePoints(found, value))
}
