import type { Event } from "./Event.ts"
import { checkOccurredAt, type EventInput } from "./EventInput.ts"
import { printJson } from "./json.ts"
import { parseInstant } from "./instant.ts"
import {
  checkEventId,
  checkEventType,
  checkProperties,
  checkPropertiesSize,
  checkUserId,
  EVENT_FIELDS,
  FUTURE_LIMIT_MICROS,
  isPlainObject,
  type Problem,
  type RejectionCode,
  SKEW_LIMIT_MICROS
} from "./rules.ts"

/** A refused event: `path` is a JSON Pointer into the event, `""` for the event itself. */
export interface Rejection {
  readonly event_id: string | null
  readonly path: string
  readonly code: RejectionCode
  readonly message: string
}

export type Verdict =
  | { readonly _tag: "Accepted"; readonly event: Event }
  | { readonly _tag: "Rejected"; readonly rejection: Rejection }

export interface JudgeContext {
  readonly project_id: string
  /** UTC microseconds. */
  readonly received_at: number
  /** Added to `occurred_at`; see {@link skewOf}. */
  readonly skew_micros: number
}

/** The correction for a client whose clock is more than 60 s off, 0 otherwise (docs/semantics.md, "Events"). */
export const skewOf = (received_at: number, sent_at: number | undefined): number =>
  sent_at !== undefined && Math.abs(received_at - sent_at) > SKEW_LIMIT_MICROS ? received_at - sent_at : 0

/** Decides one raw event. Pure; one pass over each field, by the rules that {@link EventInput} is made of. */
export const judge = (raw: unknown, context: JudgeContext): Verdict => {
  const problem = findProblem(raw)
  if (problem) return rejected(raw, problem)
  const { event_id, event_type, occurred_at: time, properties, user_id } = raw as EventInput
  const occurred_at = parseInstant(time)! + context.skew_micros
  if (occurred_at > context.received_at + FUTURE_LIMIT_MICROS) return rejected(raw, inFuture)
  if (occurred_at < 0) return rejected(raw, beforeEpoch)
  const text = properties === undefined ? "{}" : printJson(properties)!
  const tooLarge = checkPropertiesSize(text)
  if (tooLarge) return rejected(raw, { ...tooLarge, path: ["properties"] })
  return {
    _tag: "Accepted",
    event: {
      project_id: context.project_id,
      event_id: event_id.toLowerCase(),
      occurred_at,
      user_id,
      event_type,
      properties: text,
      received_at: context.received_at,
      skew_micros: context.skew_micros
    }
  }
}

const inFuture: Problem = {
  code: "occurred_at_in_future",
  message: "must not lie more than 24 hours ahead of the server's clock",
  path: ["occurred_at"]
}

const beforeEpoch: Problem = {
  code: "invalid_date_time",
  message: "lies before 1970 once corrected by sent_at",
  path: ["occurred_at"]
}

/** The first broken rule in field order. */
const findProblem = (raw: unknown): Problem | undefined => {
  if (!isPlainObject(raw)) return { code: "not_an_object", message: "must be a JSON object" }
  return (
    checkField(raw, "event_id", checkEventId) ??
    checkField(raw, "occurred_at", checkOccurredAt) ??
    checkField(raw, "user_id", checkUserId) ??
    checkField(raw, "event_type", checkEventType) ??
    checkPropertiesField(raw) ??
    checkUnknown(raw)
  )
}

const checkField = (
  raw: Record<string, unknown>,
  field: string,
  check: (value: string) => Problem | undefined
): Problem | undefined => {
  const value = raw[field]
  const problem =
    typeof value === "string"
      ? check(value)
      : value === undefined
        ? missing
        : { code: "wrong_type" as const, message: "must be a string" }
  return problem && { ...problem, path: [field] }
}

const missing: Problem = { code: "missing_field", message: "is required" }

const checkPropertiesField = (raw: Record<string, unknown>): Problem | undefined => {
  const value = raw["properties"]
  if (value === undefined) return undefined
  if (!isPlainObject(value)) return { code: "wrong_type", message: "must be a JSON object", path: ["properties"] }
  const problem = checkProperties(value)
  return problem && { ...problem, path: ["properties", ...(problem.path ?? [])] }
}

const KNOWN: ReadonlySet<string> = new Set(EVENT_FIELDS)

const checkUnknown = (raw: Record<string, unknown>): Problem | undefined => {
  for (const field of Object.keys(raw)) {
    if (!KNOWN.has(field)) {
      return { code: "unknown_field", message: "is not a field of an event; put it under properties", path: [field] }
    }
  }
  return undefined
}

const rejected = (raw: unknown, problem: Problem): Verdict => ({
  _tag: "Rejected",
  rejection: {
    event_id: isPlainObject(raw) && typeof raw["event_id"] === "string" ? echo(raw["event_id"]) : null,
    path: pointer(problem.path ?? []),
    code: problem.code,
    message: problem.message
  }
})

/** Answers repeat what the client sent, but never a megabyte of it, and never text that is not UTF-8. */
const ECHO_MAX = 64
const echo = (text: string) => text.slice(0, ECHO_MAX).toWellFormed()

const pointer = (path: ReadonlyArray<string | number>) =>
  path.map((key) => `/${echo(String(key)).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")
