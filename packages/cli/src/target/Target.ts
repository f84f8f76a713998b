import { UnderWay } from "@millrace/core/wire"
import { Console, Duration, Effect, Option, Schedule, Schema } from "effect"
import { CliFailure } from "../CliFailure.ts"

/** A server's answer, read whole. */
export interface Answer {
  readonly status: number
  readonly text: string
  readonly retryAfterSeconds: number | undefined
  /** The `Date` header. */
  readonly date: string | undefined
}

interface TargetRequest {
  readonly method: "GET" | "POST" | "DELETE"
  /** Path and query, like `/stats/dau?from=2026-01-01`. */
  readonly path: string
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Something that answers millrace's HTTP contract: a running server, or the same routes over a data folder in this
 * process. Every read command speaks to one of these, so both give the same bytes.
 */
export interface Target {
  /** For messages: `http://127.0.0.1:4000` or the folder. */
  readonly name: string
  readonly send: (request: TargetRequest) => Effect.Effect<Answer, CliFailure>
  /** GET, for an answer that is read as it comes. */
  readonly open: (path: string) => Effect.Effect<Response, CliFailure>
}

/** For one whole answer. */
const TIMEOUT_MILLIS = 60_000

/** A base for a handler that is called without a network. */
const NOWHERE = "http://127.0.0.1"

interface HttpOptions {
  readonly url: string
  readonly key: string | undefined
}

type Handle = (request: Request, signal?: AbortSignal) => Promise<Response>

const makeTarget = (
  name: string,
  handle: Handle,
  where: { readonly base: string; readonly key: string | undefined },
  describe: (cause: unknown) => string
): Target => {
  const failed = (cause: unknown) => new CliFailure({ message: describe(cause) })
  return {
    name,
    send: (request) => Effect.mapError(call(handle, where.base, request, where.key), failed),
    open: (path) =>
      Effect.tryPromise({ try: () => handle(build(where.base, { method: "GET", path }, where.key)), catch: failed })
  }
}

export const httpTarget = ({ key, url }: HttpOptions): Target =>
  makeTarget(
    url,
    (built, signal) => fetch(built, signal === undefined ? {} : { signal }),
    { base: url.replace(/\/$/u, ""), key },
    (cause) => `no answer from ${url}: ${causeText(cause)}`
  )

export const handlerTarget = (name: string, handle: (request: Request) => Promise<Response>, key?: string): Target =>
  makeTarget(name, handle, { base: NOWHERE, key }, (cause) => `${name}: ${causeText(cause)}`)

const call = (
  handle: Handle,
  base: string,
  request: TargetRequest,
  key: string | undefined
): Effect.Effect<Answer, unknown> =>
  Effect.tryPromise({
    try: async (signal) => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MILLIS)])
      const response = await handle(build(base, request, key), limit)
      const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN)
      return {
        status: response.status,
        text: await response.text(),
        retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
        date: response.headers.get("date") ?? undefined
      }
    },
    catch: (cause) => cause
  })

const build = (base: string, { body, headers, method, path }: TargetRequest, key: string | undefined) =>
  new Request(`${base}${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...headers
    },
    ...(body === undefined ? {} : { body })
  })

const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there (start one with `millrace serve`)",
  ENOTFOUND: "there is no such host",
  ECONNRESET: "the connection was cut"
}

const causeText = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (error.name === "TimeoutError") return "it took too long"
  const { cause } = error
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  return CAUSES[code] ?? (cause instanceof Error ? cause.message : error.message)
}

const ProblemBody = Schema.fromJsonString(
  Schema.Struct({
    title: Schema.String,
    detail: Schema.optionalKey(Schema.String),
    errors: Schema.optionalKey(Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String })))
  })
)
const decodeProblem = Schema.decodeUnknownOption(ProblemBody)

/** An answer that is not a success, as one sentence. */
export const failureOf = (target: Target, { status, text }: Answer): CliFailure => {
  const problem = Option.getOrUndefined(decodeProblem(text))
  const first = problem?.errors?.[0]
  const detail =
    first === undefined
      ? (problem?.detail ?? problem?.title ?? text.slice(0, 200))
      : `${first.path.replace(/^\//u, "")} ${first.message}`
  return new CliFailure({ message: `${target.name} answered ${status}: ${detail}` })
}

/** GET, 200 or a failure. */
export const get = Effect.fnUntraced(function* (target: Target, path: string) {
  const answer = yield* target.send({ method: "GET", path })
  if (answer.status !== 200) return yield* failureOf(target, answer)
  return answer.text
})

/** POST JSON, any 2xx or a failure. */
export const post = Effect.fnUntraced(function* (target: Target, path: string, body: unknown) {
  const answer = yield* target.send({ method: "POST", path, body: JSON.stringify(body) })
  if (answer.status >= 300) return yield* failureOf(target, answer)
  return answer.text
})

const decodeUnderWay = Schema.decodeUnknownOption(Schema.fromJsonString(UnderWay))

/** A connection that breaks costs nothing: the work goes on, and its answer is kept. */
const ASKED_AGAIN = { times: 5, schedule: Schedule.spaced(Duration.seconds(2)) }

/** For requests whose work may take longer than a connection is held: what is under way is asked for until it has ended. */
export const sendLong = Effect.fnUntraced(function* (
  target: Target,
  request: TargetRequest
): Effect.fn.Return<Answer, CliFailure> {
  let answer = yield* target.send(request)
  if (answer.status === 202)
    yield* Console.error(`under way: ${target.name} goes on with it, whether this waits or not`)
  while (answer.status === 202) {
    const named = decodeUnderWay(answer.text)
    if (Option.isNone(named)) return yield* failureOf(target, answer)
    yield* Effect.sleep(Duration.seconds(answer.retryAfterSeconds ?? 1))
    const path = `/jobs/${encodeURIComponent(named.value.job)}`
    answer = yield* Effect.retry(target.send({ method: "GET", path }), ASKED_AGAIN)
  }
  return answer
})
