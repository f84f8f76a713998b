import { promisify } from "node:util"
import { gzip } from "node:zlib"
import { Effect, Option, Schema } from "effect"
import { MAX_EVENTS_PER_REQUEST } from "@millrace/core"
import { CliFailure } from "../CliFailure.ts"
import { type Answer, failureOf, type Target } from "../target/Target.ts"
import type { IndexedRefusal, RawEvent, Sink } from "./Sink.ts"

/** The server's limit is 5 MiB inflated; the rest is room for brackets and commas. */
const BODY_BYTES = 5 * 1024 * 1024 - 64 * 1024
const ATTEMPTS = 8
const MAX_WAIT_SECONDS = 30

const Verdict = Schema.Struct({
  accepted: Schema.optionalKey(Schema.Int),
  rejected: Schema.Array(
    Schema.Struct({ index: Schema.Int, code: Schema.String, path: Schema.String, message: Schema.String })
  )
})
const decodeVerdict = Schema.decodeUnknownOption(Schema.fromJsonString(Verdict))

interface Body {
  /** Index of the first event in the published array. */
  readonly start: number
  readonly count: number
  readonly json: string
}

/** Over `POST /events`: the server judges, and its verdicts come back by index. */
export const httpSink = (target: Target): Sink => ({
  publish: Effect.fnUntraced(function* (raws) {
    const refused: Array<IndexedRefusal> = []
    for (const body of pack(raws, refused)) {
      const answer = yield* sendPatiently(target, body)
      const verdict = Option.getOrUndefined(decodeVerdict(answer.text))
      if ((answer.status !== 202 && answer.status !== 422) || verdict === undefined) {
        return yield* failureOf(target, answer)
      }
      refused.push(...verdict.rejected.map((one) => ({ ...one, index: one.index + body.start })))
    }
    return refused
  }),
  finish: Effect.succeed(undefined)
})

const tooLarge = (index: number): IndexedRefusal => ({
  index,
  code: "too_large",
  path: "",
  message: "is larger than a request may be"
})

/** Cuts into request bodies, each within the server's bounds of events and bytes. */
const pack = (raws: ReadonlyArray<RawEvent>, refused: Array<IndexedRefusal>): ReadonlyArray<Body> => {
  const bodies: Array<Body> = []
  let parts: Array<string> = []
  let bytes = 0
  let start = 0
  const close = (next: number) => {
    if (parts.length > 0) bodies.push({ start, count: parts.length, json: `[${parts.join(",")}]` })
    parts = []
    bytes = 0
    start = next
  }
  for (const [index, raw] of raws.entries()) {
    const json = JSON.stringify(raw)
    const size = Buffer.byteLength(json) + 1
    if (parts.length >= MAX_EVENTS_PER_REQUEST || bytes + size > BODY_BYTES) close(index)
    if (size > BODY_BYTES) {
      refused.push(tooLarge(index))
      start = index + 1
      continue
    }
    parts.push(json)
    bytes += size
  }
  close(raws.length)
  return bodies
}

const deflate = promisify(gzip)

/** 429 and 503 wait as told; a cut connection is tried again too, since the ids make repeating free. */
const sendPatiently = Effect.fnUntraced(function* (target: Target, body: Body) {
  const bytes = yield* Effect.promise(() => deflate(body.json, { level: 1 }))
  const request = {
    method: "POST",
    path: "/events",
    body: new Uint8Array(bytes),
    headers: { "content-encoding": "gzip" }
  } as const
  for (let attempt = 1; ; attempt++) {
    const answer: Answer | CliFailure = yield* target.send(request).pipe(Effect.catch(Effect.succeed))
    const busy = answer instanceof CliFailure || answer.status === 429 || answer.status === 503
    if (!busy) return answer
    if (attempt === ATTEMPTS) return yield* answer instanceof CliFailure ? answer : failureOf(target, answer)
    const told = answer instanceof CliFailure ? undefined : answer.retryAfterSeconds
    yield* Effect.sleep(`${Math.min(told ?? 2 ** (attempt - 2), MAX_WAIT_SECONDS)} seconds`)
  }
})
