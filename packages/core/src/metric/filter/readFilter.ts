import { comparable, doubleOf, isWritten } from "../../event/json.ts"
import { type Condition, type Field, type Filter, type FilterValue, OPERATORS, PROPERTIES_PREFIX } from "./Filter.ts"

export const DEPTH_MAX = 8
const CONDITIONS_MAX = 100
const VALUES_MAX = 1_000
const TEXT_MAX_CHARACTERS = 1_000

/** Refusal of a filter; the message begins with the location, as a JSON Pointer below the parameter. */
export class BadFilter extends Error {
  constructor(pointer: string, problem: string) {
    super(pointer === "" ? problem : `${problem} (at ${pointer})`)
  }
}

/** JSON value → filter, with its values' own types. Throws {@link BadFilter}. */
export const readFilter = (json: unknown): Filter => {
  let conditions = 0
  const read = (value: unknown, pointer: string, depth: number): Filter => {
    if (depth > DEPTH_MAX) throw new BadFilter(pointer, `must not nest deeper than ${DEPTH_MAX}`)
    const object = objectOf(value, pointer)
    for (const word of ["and", "or"] as const) {
      if (!Object.hasOwn(object, word)) continue
      onlyKeys(object, [word], pointer)
      const parts = listOf(object[word], `${pointer}/${word}`, CONDITIONS_MAX)
      const filters = parts.map((part, index) => read(part, `${pointer}/${word}/${index}`, depth + 1))
      return word === "and" ? { and: filters } : { or: filters }
    }
    conditions++
    if (conditions > CONDITIONS_MAX)
      throw new BadFilter(pointer, `must not hold more than ${CONDITIONS_MAX} conditions`)
    return readCondition(object, pointer)
  }
  return read(json, "", 1)
}

type Loose = Readonly<Record<string, unknown>>

const objectOf = (value: unknown, pointer: string): Loose => {
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !isWritten(value)) return value as Loose
  throw new BadFilter(pointer, `must be a condition like {"field": "properties.plan", "op": "=", "value": "pro"}`)
}

const onlyKeys = (object: Loose, keys: ReadonlyArray<string>, pointer: string) => {
  const stray = Object.keys(object).find((key) => !keys.includes(key))
  if (stray !== undefined) throw new BadFilter(pointer, `has an unknown key ${JSON.stringify(stray)}`)
}

const listOf = (value: unknown, pointer: string, max: number): ReadonlyArray<unknown> => {
  if (Array.isArray(value) && value.length >= 1 && value.length <= max) return value
  throw new BadFilter(pointer, `must be a list of 1 to ${max}`)
}

const readCondition = (object: Loose, pointer: string): Condition => {
  onlyKeys(object, ["field", "op", "value"], pointer)
  const field = readField(object["field"], `${pointer}/field`)
  const op = OPERATORS.find((operator) => operator === object["op"])
  const { value } = object
  const at = `${pointer}/value`
  switch (op) {
    case undefined:
      throw new BadFilter(`${pointer}/op`, `must have one of the operators ${OPERATORS.join(", ")}`)
    case "in":
      return { field, op, value: listOf(value, at, VALUES_MAX).map((one, index) => readSame(one, `${at}/${index}`)) }
    case "exists":
      if (value !== undefined && typeof value !== "boolean") throw new BadFilter(at, "must be true or false")
      return { field, op, value: value ?? true }
    case "contains":
      if (typeof value !== "string") throw new BadFilter(at, "must be text")
      return { field, op, value: readText(value, at) }
    case "<":
    case "<=":
    case ">":
    case ">=":
      if (typeof value === "boolean") throw new BadFilter(at, "must be a number or text")
      return { field, op, value: readValue(doubleOf(value), at) }
    case "=":
    case "!=":
      return { field, op, value: readSame(value, at) }
  }
}

/** Throws {@link BadFilter}. */
export const readField = (value: unknown, pointer: string): Field => {
  if (value === "event_type") return value
  if (typeof value === "string" && value.startsWith(PROPERTIES_PREFIX)) {
    return `properties.${readText(value.slice(PROPERTIES_PREFIX.length), pointer)}`
  }
  throw new BadFilter(pointer, `must name event_type or properties.<name>${hintOf(value)}`)
}

/** The fields of an event that no question reads by name. */
const COLUMNS = new Set(["user_id", "event_id", "occurred_at", "received_at", "project_id", "skew_micros"])

const PREFIX_LIKE = /^(?:propert(?:y|ies)|props?)[.:]/iu

const EVENT_TYPE = /^event[_ -]?type$/iu

/** What was probably meant; a name that nobody could mean is not repeated. */
const hintOf = (value: unknown): string => {
  if (typeof value !== "string" || !/^[\p{L}_$][\p{L}\p{N}_$.: -]{0,99}$/u.test(value)) return ""
  if (COLUMNS.has(value)) return `; ${value} is neither`
  const name = value.trim().replace(PREFIX_LIKE, "")
  return EVENT_TYPE.test(name) ? "; write event_type" : `; write ${PROPERTIES_PREFIX}${name}`
}

/**
 * Where a property is asked for by its name alone: the field that was meant, if the name is an event's own or has a
 * prefix misspelt.
 */
export const fieldMeantBy = (name: string): string | undefined => {
  const bare = name.trim()
  const isOwn = COLUMNS.has(bare) || EVENT_TYPE.test(bare)
  return isOwn || PREFIX_LIKE.test(bare) ? `${PROPERTIES_PREFIX}${bare.replace(PREFIX_LIKE, "")}` : undefined
}

/** What equality is asked for: an integer that no double is, is looked for by its digits. */
const readSame = (value: unknown, pointer: string) => readValue(comparable(value), pointer)

const readValue = (value: unknown, pointer: string): FilterValue => {
  if (typeof value === "string") return readText(value, pointer)
  if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return value
  throw new BadFilter(pointer, "must be text, a number, true or false")
}

/** What no accepted event can hold is refused rather than sent to an engine that may choke on it. */
const readText = (value: string, pointer: string): string => {
  if (value.length > TEXT_MAX_CHARACTERS) throw new BadFilter(pointer, `must not be longer than ${TEXT_MAX_CHARACTERS}`)
  if (!value.isWellFormed() || value.includes("\0")) throw new BadFilter(pointer, "must not hold U+0000 or half a pair")
  return value
}
