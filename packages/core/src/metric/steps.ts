import type { Event } from "../event/Event.ts"
import { parseJson } from "../event/json.ts"
import type { Dialect } from "./Dialect.ts"
import { IDENTIFY } from "./events.ts"
import { BadFilter, type Filter, filterSql, matches, pinsOf, readFilter } from "./filter/index.ts"
import { BLANK_ENDS } from "./slips.ts"
import { sql, type SqlText } from "./SqlText.ts"

const STEPS_MIN = 2
const STEPS_MAX = 20

/**
 * Steps as they stand in a query string: event types joined by commas, or a JSON list of event types and filters.
 * Throws {@link BadFilter}.
 */
export const parseSteps = (text: string): ReadonlyArray<Filter> => {
  const isList = text.trimStart().startsWith("[")
  const items = isList ? parseList(text) : text.split(",")
  if (items.length < STEPS_MIN || items.length > STEPS_MAX) {
    throw new BadFilter("", `must be ${STEPS_MIN} to ${STEPS_MAX} steps`)
  }
  const slip = isList ? undefined : text.split(",").findIndex((item) => BLANK_ENDS.test(item))
  if (slip !== undefined && slip >= 0) {
    const meant = text
      .split(",")
      .map((item) => item.trim())
      .join(",")
    throw new BadFilter(
      "",
      `step ${slip + 1} has blanks around it, write ${meant}; types that do have them stand in a JSON list`
    )
  }
  return items.map(readStep)
}

const parseList = (text: string): ReadonlyArray<unknown> => {
  try {
    return parseJson(text) as ReadonlyArray<unknown>
  } catch {
    throw new BadFilter("", "must be valid JSON, or event types joined by commas")
  }
}

const readStep = (item: unknown, index: number): Filter => {
  try {
    return readFilter(typeof item === "string" ? { field: "event_type", op: "=", value: typeName(item) } : item)
  } catch (error) {
    if (!(error instanceof BadFilter)) throw error
    throw new BadFilter("", `step ${index + 1} ${error.message}`)
  }
}

const typeName = (name: string): string => {
  if (name === "") throw new BadFilter("", "must be 1 to 100 characters long")
  return name
}

/** `$identify` counts in no metric except by name: where a step insists on that type. */
const namesIdentify = (step: Filter): boolean => pinsOf(step).get("event_type") === IDENTIFY

export const isStep = (event: Event, step: Filter): boolean =>
  (event.event_type !== IDENTIFY || namesIdentify(step)) && matches(event, step)

export const stepSql = (step: Filter, dialect: Dialect): SqlText =>
  namesIdentify(step) ? filterSql(step, dialect) : sql`(event_type <> ${IDENTIFY} AND ${filterSql(step, dialect)})`

/** Whether no event can be two of the steps: each insists on a value that no other one does. */
export const areApart = (steps: ReadonlyArray<Filter>): boolean => {
  const pins = steps.map(pinsOf)
  return pins.every((own, index) => pins.slice(index + 1).every((other) => neverMeet(own, other)))
}

type Pins = ReturnType<typeof pinsOf>

const neverMeet = (one: Pins, other: Pins): boolean =>
  [...one].some(([field, value]) => other.has(field) && other.get(field) !== value)
