import { isNobody } from "./placeholders.ts"
import { doubleOf, isWritten } from "./json.ts"

/** Why a value was refused: a stable code for programs, a sentence for people, the path inside the field. */
export interface Problem {
  readonly code: RejectionCode
  readonly message: string
  readonly path?: ReadonlyArray<string | number>
}

export type RejectionCode =
  | "not_an_object"
  | "missing_field"
  | "unknown_field"
  | "wrong_type"
  | "empty"
  | "placeholder_id"
  | "too_long"
  | "invalid_uuid"
  | "invalid_date_time"
  | "occurred_at_in_future"
  | "null_character"
  | "lone_surrogate"
  | "not_a_finite_number"
  | "forbidden_key"
  | "too_deep"
  | "too_large"

export const EVENT_FIELDS = ["event_id", "occurred_at", "user_id", "event_type", "properties"] as const
export const USER_ID_MAX_CHARACTERS = 256
export const EVENT_TYPE_MAX_CHARACTERS = 100
export const PROPERTIES_MAX_DEPTH = 32
export const PROPERTIES_MAX_BYTES = 64 * 1024
/** More events than this in one request are refused whole. */
export const MAX_EVENTS_PER_REQUEST = 5_000
/** How far ahead of the server's clock an event may lie. */
export const FUTURE_LIMIT_MICROS = 24 * 3_600 * 1_000_000
/** A client whose clock is off by no more than this is taken at its word. */
export const SKEW_LIMIT_MICROS = 60 * 1_000_000

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/iu

export const checkEventId = (value: string): Problem | undefined =>
  UUID.test(value)
    ? undefined
    : { code: "invalid_uuid", message: "must be a UUID, like 0190a6c2-7b1e-7000-8000-000000000001" }

/** Length counts code points, as OpenAPI's `maxLength` does. */
const checkName = (value: string, max: number): Problem | undefined => {
  if (value.length === 0) return { code: "empty", message: "must not be empty" }
  if (value.length > max && (value.length > max * 2 || [...value].length > max)) {
    return { code: "too_long", message: `must be at most ${max} characters` }
  }
  return checkText(value)
}

export const checkUserId = (value: string): Problem | undefined =>
  checkName(value, USER_ID_MAX_CHARACTERS) ?? (isNobody(value) ? nobody : undefined)

const nobody: Problem = {
  code: "placeholder_id",
  message: "is what programs print where there is no id; send the user's id, or an anonymous one"
}

export const checkEventType = (value: string) => checkName(value, EVENT_TYPE_MAX_CHARACTERS)

/** Text that PostgreSQL, DuckDB and UTF-8 can all carry unchanged. */
const checkText = (value: string): Problem | undefined => {
  if (value.includes("\u0000")) return { code: "null_character", message: "must not contain \\u0000" }
  if (!value.isWellFormed()) return { code: "lone_surrogate", message: "must not contain a lone surrogate" }
  return undefined
}

export const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isWritten(value)

export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"])

/**
 * Walks a parsed value once: strings, keys, numbers, depth. Recursion is safe because it stops one level
 * past the depth bound. The object itself is depth 1.
 */
export const checkProperties = (value: unknown, depth = 1): Problem | undefined => {
  switch (typeof value) {
    case "string":
      return checkText(value)
    case "number":
    case "bigint":
      return Number.isFinite(Number(value))
        ? undefined
        : { code: "not_a_finite_number", message: "must fit a finite double-precision number" }
    case "object":
      if (value === null) return undefined
      return isWritten(value) ? checkProperties(doubleOf(value), depth) : checkContainer(value, depth)
    default:
      return undefined
  }
}

const checkContainer = (value: object, depth: number): Problem | undefined => {
  if (depth > PROPERTIES_MAX_DEPTH) {
    return { code: "too_deep", message: `must be nested at most ${PROPERTIES_MAX_DEPTH} levels deep` }
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const problem = checkProperties(value[index], depth + 1)
      if (problem) return within(problem, index)
    }
    return undefined
  }
  for (const key of Object.keys(value)) {
    const problem = checkKey(key) ?? checkProperties((value as Record<string, unknown>)[key], depth + 1)
    if (problem) return within(problem, key)
  }
  return undefined
}

const checkKey = (key: string): Problem | undefined =>
  FORBIDDEN_KEYS.has(key) ? { code: "forbidden_key", message: `must not use the key ${key}` } : checkText(key)

const within = (problem: Problem, key: string | number): Problem => ({
  ...problem,
  path: [key, ...(problem.path ?? [])]
})

const utf8 = new TextEncoder()

/** The size rule works on the text that will be stored; most texts are decided by their length alone. */
export const checkPropertiesSize = (text: string): Problem | undefined => {
  if (text.length * 3 <= PROPERTIES_MAX_BYTES) return undefined
  return text.length > PROPERTIES_MAX_BYTES || utf8.encode(text).length > PROPERTIES_MAX_BYTES
    ? { code: "too_large", message: `must be at most ${PROPERTIES_MAX_BYTES} bytes when encoded as JSON` }
    : undefined
}
