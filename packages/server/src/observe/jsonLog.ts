import { Cause, Context, Logger, Option, References, Tracer } from "effect"
import { VERSION } from "./version.ts"

/** Annotations that may be logged; any other is left out, so that no body, key or user gets there by accident. */
const FIELDS = new Set([
  "trace_id",
  "request_id",
  "project_id",
  "stage",
  "batch_id",
  "count",
  "duration_s",
  "attempt",
  "route",
  "status",
  "loop",
  "code",
  "detail",
  "file",
  "errno",
  "address",
  "roles",
  "queue",
  "store",
  "warehouse",
  "durability",
  "reason"
])

const MAX_CHARACTERS = 500

/**
 * Drivers quote the values they stumble over, which are users' data: what stands in quotes or brackets is masked, but
 * for paths, which operators need.
 */
export const maskValues = (text: string): string =>
  text
    .replaceAll(/(["'`])(?!\.{0,2}\/)(?:(?!\1).)+\1/gsu, "$1…$1")
    .replaceAll(/\((?:[^()]|\([^()]*\))+\)/gu, "(…)")
    .replaceAll(/\{[^{}]*\}/gu, "{…}")
    .slice(0, MAX_CHARACTERS)
    .toWellFormed()

const MAX_DEPTH = 6

/** By the names of the errors from the outside in: no words, which may be users' data. */
export const errorType = (error: unknown): string => namesOf(error).names.join("/") || typeof error

/** What failed and why, by the names of the errors from the outside in, and the innermost one's words. */
const describeError = (error: unknown): Record<string, unknown> => {
  const { names, words } = namesOf(error)
  return {
    "error.type": names.join("/") || typeof error,
    ...(words === "" ? {} : { "error.message": maskValues(words.split("\n")[0]!) })
  }
}

const namesOf = (error: unknown) => {
  const names: Array<string> = []
  let at: unknown = error
  let words = ""
  for (let depth = 0; depth < MAX_DEPTH && typeof at === "object" && at !== null; depth++) {
    names.push(nameOf(at))
    if (at instanceof Error && at.message !== "") words = at.message
    at = "reason" in at ? at.reason : "cause" in at ? at.cause : undefined
  }
  return { names, words }
}

const nameOf = (error: object): string => {
  if ("_tag" in error && typeof error._tag === "string") return error._tag
  const name = error instanceof Error ? error.name : "object"
  return "code" in error && typeof error.code === "string" ? `${name}:${error.code}` : name
}

/** One line of JSON: `ts, level, msg, service, version`, then annotations of a closed set, then the error. */
export const formatLog = ({ cause, date, fiber, logLevel, message }: Logger.Options<unknown>): string => {
  const parts = Array.isArray(message) ? (message as ReadonlyArray<unknown>) : [message]
  const texts = parts.filter((part): part is string | number => typeof part === "string" || typeof part === "number")
  const error = cause.reasons.length > 0 ? Cause.squash(cause) : parts.find((part) => typeof part === "object")
  const annotations = Object.entries(fiber.getRef(References.CurrentLogAnnotations)).filter(([name]) =>
    FIELDS.has(name)
  )
  const span = Option.getOrUndefined(Context.getOption(fiber.context, Tracer.ParentSpan))
  return JSON.stringify({
    ts: date.toISOString(),
    level: logLevel.toLowerCase(),
    msg: texts.join(" ").slice(0, MAX_CHARACTERS),
    service: "millrace",
    version: VERSION,
    ...(span === undefined ? {} : { trace_id: span.traceId }),
    ...Object.fromEntries(annotations),
    ...(error === undefined || error === null ? {} : describeError(error))
  })
}

/** Where there is no runtime any more to log by. */
export const fatalLine = (msg: string, error: unknown): string =>
  JSON.stringify({
    ts: new Date().toISOString(),
    level: "fatal",
    msg,
    service: "millrace",
    version: VERSION,
    ...describeError(error)
  })

/** On standard error. */
export const jsonLogger = Logger.layer([
  Logger.make((options) => {
    process.stderr.write(`${formatLog(options)}\n`)
  })
])
