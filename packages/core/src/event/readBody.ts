import { Result, Schema } from "effect"
import { parseInstant } from "./instant.ts"
import { isPlainObject } from "./rules.ts"

/** The request body is not a batch; nothing in it was judged. `path` is a JSON Pointer. */
export class BadBody extends Schema.TaggedError<BadBody>()("BadBody", {
  code: Schema.Literals([
    "not_a_batch",
    "unknown_field",
    "wrong_type",
    "invalid_date_time",
    "too_many_events",
    "empty"
  ]),
  path: Schema.String,
  rule: Schema.String,
  limit: Schema.optionalKey(Schema.Int)
}) {
  override get message(): string {
    return `${this.path === "" ? "the body" : this.path} ${this.rule}`
  }
}

export interface RawBatch {
  readonly events: ReadonlyArray<unknown>
  /** UTC microseconds, by the client's clock. */
  readonly sent_at: number | undefined
  /** Where a beacon puts its key, since it cannot set headers. */
  readonly key: string | undefined
}

/** More events than this in one request are refused whole. */
export const MAX_EVENTS_PER_REQUEST = 5_000

const FIELDS = new Set(["events", "sent_at", "key"])

const bad = (code: BadBody["code"], path: string, rule: string) => Result.fail(new BadBody({ code, path, rule }))

/** Parsed JSON → the array of raw events, from the bare array or the envelope. */
export const readBody = (body: unknown, maxEvents = MAX_EVENTS_PER_REQUEST): Result.Result<RawBatch, BadBody> => {
  if (Array.isArray(body)) return bounded({ events: body, sent_at: undefined, key: undefined }, maxEvents)
  if (!isPlainObject(body) || !Object.hasOwn(body, "events")) {
    return bad("not_a_batch", "", "must be a JSON array of events, or an object with an array under events")
  }
  const unknown = Object.keys(body).find((key) => !FIELDS.has(key))
  if (unknown !== undefined)
    return bad("unknown_field", `/${unknown.slice(0, 64).toWellFormed()}`, "is not a field of a batch")
  const { events, sent_at, key } = body
  if (!Array.isArray(events)) return bad("wrong_type", "/events", "must be an array")
  if (key !== undefined && typeof key !== "string") return bad("wrong_type", "/key", "must be a string")
  if (sent_at === undefined) return bounded({ events, sent_at: undefined, key }, maxEvents)
  if (typeof sent_at !== "string") return bad("wrong_type", "/sent_at", "must be a string")
  const instant = parseInstant(sent_at)
  if (instant === undefined) return bad("invalid_date_time", "/sent_at", "must be an RFC 3339 date-time with an offset")
  return bounded({ events, sent_at: instant, key }, maxEvents)
}

const bounded = (batch: RawBatch, maxEvents: number): Result.Result<RawBatch, BadBody> => {
  if (batch.events.length === 0) return bad("empty", "", "must hold at least one event")
  if (batch.events.length <= maxEvents) return Result.succeed(batch)
  return Result.fail(
    new BadBody({ code: "too_many_events", path: "", rule: `must hold at most ${maxEvents} events`, limit: maxEvents })
  )
}
