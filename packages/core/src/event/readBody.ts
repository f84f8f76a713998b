import { Result, Schema } from "effect"
import { parseInstant } from "./instant.ts"
import { type BadJson, decodeJson } from "./json.ts"
import { PlainBody } from "./plain/PlainBody.ts"
import { isPlainObject, MAX_EVENTS_PER_REQUEST } from "./rules.ts"

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

/** A batch as parsed JSON, nothing of it judged. */
export interface RawBatch {
  readonly _tag: "Raw"
  readonly count: number
  readonly events: ReadonlyArray<unknown>
  /** UTC microseconds, by the client's clock. */
  readonly sent_at: number | undefined
  /** Where a beacon puts its key, since it cannot set headers. */
  readonly key: string | undefined
}

/** What came in one request: `count` events, and perhaps a key. */
export type Body = PlainBody | RawBatch

const rawBatch = (
  events: ReadonlyArray<unknown>,
  { key, sent_at }: Partial<Pick<RawBatch, "key" | "sent_at">> = {}
): RawBatch => ({ _tag: "Raw", count: events.length, events, key, sent_at })

const OPENING_BRACKET = 91

/** A bare array holds none, so that its sender is known before anything is parsed. */
export const mayHoldKey = (bytes: Uint8Array): boolean => bytes[0] !== OPENING_BRACKET

/** A bare array of plain events, for which nothing needs to be parsed; undefined for everything else. */
export const readPlain = (bytes: Uint8Array, received_at: number): PlainBody | undefined =>
  PlainBody.read(bytes, received_at)

/** A request's body, received at this instant (UTC microseconds) → what `accept` takes. Most are plain. */
export const readBody = (bytes: Uint8Array, received_at: number): Result.Result<Body, BadBody | BadJson> => {
  const plain = mayHoldKey(bytes) ? undefined : readPlain(bytes, received_at)
  return plain === undefined ? Result.flatMap(decodeJson(bytes), readBatch) : Result.succeed(plain)
}

const FIELDS = new Set(["events", "sent_at", "key"])

const bad = (code: BadBody["code"], path: string, rule: string) => Result.fail(new BadBody({ code, path, rule }))

/** Parsed JSON → the array of raw events, from the bare array or the envelope. */
export const readBatch = (body: unknown): Result.Result<RawBatch, BadBody> => {
  if (Array.isArray(body)) return bounded(rawBatch(body))
  if (!isPlainObject(body) || !Object.hasOwn(body, "events")) {
    return bad("not_a_batch", "", "must be a JSON array of events, or an object with an array under events")
  }
  const unknown = Object.keys(body).find((key) => !FIELDS.has(key))
  if (unknown !== undefined)
    return bad("unknown_field", `/${unknown.slice(0, 64).toWellFormed()}`, "is not a field of a batch")
  const { events, sent_at, key } = body
  if (!Array.isArray(events)) return bad("wrong_type", "/events", "must be an array")
  if (key !== undefined && typeof key !== "string") return bad("wrong_type", "/key", "must be a string")
  if (sent_at === undefined) return bounded(rawBatch(events, { key }))
  if (typeof sent_at !== "string") return bad("wrong_type", "/sent_at", "must be a string")
  const instant = parseInstant(sent_at)
  if (instant === undefined) return bad("invalid_date_time", "/sent_at", "must be an RFC 3339 date-time with an offset")
  return bounded(rawBatch(events, { key, sent_at: instant }))
}

const bounded = (batch: RawBatch): Result.Result<RawBatch, BadBody> => {
  if (batch.count === 0) return bad("empty", "", "must hold at least one event")
  if (batch.count <= MAX_EVENTS_PER_REQUEST) return Result.succeed(batch)
  const rule = `must hold at most ${MAX_EVENTS_PER_REQUEST} events`
  return Result.fail(new BadBody({ code: "too_many_events", path: "", rule, limit: MAX_EVENTS_PER_REQUEST }))
}
