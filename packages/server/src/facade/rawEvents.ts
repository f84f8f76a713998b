import { type EventInput, printJson } from "@millrace/core"

/** One event as a program gives it: a `Date` will do for the time. */
export type NewEvent = Omit<EventInput, "occurred_at"> & { readonly occurred_at: string | Date }

/**
 * Programs can hold values JSON cannot: a bigint is an integer, others are refused per event like any other, never
 * thrown.
 */
export const toRaw = (event: NewEvent): unknown => {
  if (typeof event !== "object" || event === null) return event
  const occurred_at = event.occurred_at instanceof Date ? isoOf(event.occurred_at) : event.occurred_at
  if (event.properties === undefined) {
    const { properties: _, ...rest } = event
    return { ...rest, occurred_at }
  }
  return { ...event, occurred_at, properties: isJson(event.properties) ? event.properties : null }
}

const isoOf = (date: Date): string => (Number.isNaN(date.getTime()) ? "" : date.toISOString())

const isJson = (value: unknown): boolean => {
  try {
    return typeof printJson(value) === "string"
  } catch {
    // An object that contains itself.
    return false
  }
}
