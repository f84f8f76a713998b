import { promisify } from "node:util"
import { gzip } from "node:zlib"
import { Data, Duration, Effect, Option, Schedule, Schema } from "effect"
import { MAX_EVENTS_PER_REQUEST } from "@millrace/core"
import type { CliFailure } from "../CliFailure.ts"
import { type Answer, failureOf, type Target } from "../target/Target.ts"
import type { IndexedRefusal, RawEvent, Sink } from "./Sink.ts"

/** The server's limit is 5 MiB inflated; the rest is room for brackets and commas. */
const BODY_BYTES = 5 * 1024 * 1024 - 64 * 1024
const RETRIES = 7
const FIRST_WAIT = Duration.millis(500)
const MAX_WAIT = Duration.seconds(30)

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

class Busy extends Data.TaggedError("Busy")<{ readonly answer: Answer }> {}

/** As long as the server says, or twice as long each time. */
const asItSays = Schedule.exponential(FIRST_WAIT).pipe(
  Schedule.setInputType<Busy | CliFailure>(),
  Schedule.modifyDelay(({ duration, input }) => {
    const seconds = input._tag === "Busy" ? input.answer.retryAfterSeconds : undefined
    return Effect.succeed(Duration.min(seconds === undefined ? duration : Duration.seconds(seconds), MAX_WAIT))
  })
)

/** 429 and 503 wait as told; a cut connection is tried again too, since the ids make repeating free. */
const sendPatiently = Effect.fnUntraced(function* (target: Target, body: Body) {
  const bytes = yield* Effect.promise(() => deflate(body.json, { level: 1 }))
  const request = {
    method: "POST",
    path: "/events",
    body: new Uint8Array(bytes),
    headers: { "content-encoding": "gzip" }
  } as const
  return yield* target.send(request).pipe(
    Effect.filterOrFail(
      ({ status }) => status !== 429 && status !== 503,
      (answer) => new Busy({ answer })
    ),
    Effect.retry({ times: RETRIES, schedule: asItSays }),
    Effect.catchTag("Busy", ({ answer }) => Effect.fail(failureOf(target, answer)))
  )
})
