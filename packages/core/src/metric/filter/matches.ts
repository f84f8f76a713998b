import type { Event } from "../../event/Event.ts"
import { comparable, doubleOf, parseJson } from "../../event/json.ts"
import { compareCodePoints } from "../rows.ts"
import { type Condition, type Field, type Filter, type FilterValue, propertyOf } from "./Filter.ts"

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
