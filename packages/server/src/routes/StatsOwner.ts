import { Readable } from "node:stream"
import type { ReadableStream } from "node:stream/web"
import { Context, Effect, Layer } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { PROJECT_HEADER } from "../auth/Access.ts"
import { because, NO_STORE, type Refusal, retryLater } from "../http/Refusal.ts"

export interface StatsOwnerOptions {
  /** The address of the process with the role `stats`. */
  readonly url: URL
  /** For one whole answer; of one that comes line by line, for its beginning. */
  readonly timeoutMillis: number
}

/** Says that a millrace process asks, so that none of them passes the question on again. */
const FORWARDED = "millrace-forwarded"
/** With such a question: which of a person's projects it is about; on the answer: whose numbers these are. */
const PROJECT = PROJECT_HEADER

/** Questions under way at the owner, which answers a few at a time; more of them than this are refused here, by project. */
const MAX_UNDER_WAY = 64
/** More than any metric answers. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

interface Question {
  readonly path: string
  /** As the client sent it, with its question mark. */
  readonly search: string
  readonly method: string
  /** JSON, of a POST. */
  readonly body: Uint8Array | undefined
  readonly key: string | undefined
  /** Whom the answer must be about. */
  readonly project: string
}

/** The process that owns the warehouse, for those that do not. */
export class StatsOwner extends Context.Service<
  StatsOwner,
  { readonly ask: (question: Question) => Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal> }
>()("@millrace/server/StatsOwner") {
  /** Without options nobody is named, and every question is refused. */
  static readonly layer = (options: StatsOwnerOptions | undefined): Layer.Layer<StatsOwner> =>
    Layer.sync(StatsOwner, () => (options === undefined ? { ask: () => Effect.fail(unnamed) } : make(options)))
}

export const isForwarded = ({ headers }: HttpServerRequest.HttpServerRequest): boolean =>
  headers[FORWARDED] !== undefined

export const nameProject = (project: string) => HttpServerResponse.setHeader(PROJECT, project)

const unnamed = retryLater("wrong_role", "This process does not answer statistics, and does not know which one does.")
const away = retryLater("warehouse_unavailable", "The process that answers statistics cannot be reached at the moment.")
const busy = retryLater("overloaded", "Too many questions are under way.")
const strange = retryLater("warehouse_unavailable", "The process that answers statistics did not answer as one.")
const mismatch = retryLater("keys_unavailable", "The process that answers statistics knows other API keys.")

const make = ({ timeoutMillis, url }: StatsOwnerOptions): StatsOwner["Service"] => {
  const places = new FairPlaces(MAX_UNDER_WAY)
  const base = url.href.replace(/[?#].*$/u, "").replace(/\/+$/u, "")
  const send = (question: Question) =>
    Effect.tryPromise((signal) => fetchAnswer(`${base}${question.path}${question.search}`, question, signal)).pipe(
      Effect.timeout(timeoutMillis),
      Effect.tapError((error) => Effect.logWarning("the owner of the warehouse does not answer", error)),
      Effect.mapError((error) => because(away, error))
    )
  return {
    ask: (question) =>
      Effect.suspend(() => {
        const { project } = question
        if (!places.enter(project)) return Effect.fail(busy)
        const answered = Effect.flatMap(send(question), (answer) => passOn(answer, question))
        return Effect.ensuring(
          answered,
          Effect.sync(() => places.leave(project))
        )
      })
  }
}

interface OwnerAnswer {
  readonly status: number
  readonly headers: Headers
  /** Whole, or still to come. */
  readonly body: Uint8Array | Readable
}

const STREAM_TYPE = /^application\/x-ndjson(?:;|$)/u

const fetchAnswer = async (
  url: string,
  { body, key, method, project }: Question,
  signal: AbortSignal
): Promise<OwnerAnswer> => {
  // A person may have several; to a key it says nothing.
  const headers = {
    [FORWARDED]: "1",
    [PROJECT]: project,
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` })
  }
  const posted = {
    headers: { ...headers, "content-type": "application/json" },
    body: Buffer.from(body ?? [])
  }
  const answer = await fetch(url, { method, ...(body === undefined ? { headers } : posted), redirect: "error", signal })
  const isStream = answer.body !== null && STREAM_TYPE.test(contentTypeOf(answer.headers))
  const came = isStream ? readableOf(answer.body) : await readAll(answer)
  return { status: answer.status, headers: answer.headers, body: came }
}

/** Not by `Readable.from`, which ends only once the chunk that it waits for has come. */
const readableOf = (body: unknown) => Readable.fromWeb(body as ReadableStream<Uint8Array>)

const contentTypeOf = (headers: Headers) => headers.get("content-type") ?? ""

const readAll = async (answer: Response): Promise<Uint8Array> => {
  const chunks: Array<Uint8Array> = []
  let bytes = 0
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const JSON_TYPE = /^application\/(?:problem\+)?json(?:;|$)/u
/**
 * What an owner says that does not take the key, or the name, which were good enough here; of what else it refuses it
 * names the project.
 */
const STRANGERS = new Set([401, 403])

const distrust = (status: number, answeredFor: string | null, project: string): Refusal | undefined => {
  if (answeredFor !== null) return answeredFor === project ? undefined : mismatch
  if (STRANGERS.has(status)) return mismatch
  return status < 400 ? strange : undefined
}

/** Status, problem and numbers as they are; but never another project's, should the two processes' keys differ. */
const passOn = Effect.fnUntraced(function* ({ body, headers, status }: OwnerAnswer, { project }: Question) {
  const contentType = contentTypeOf(headers)
  const answeredFor = headers.get(PROJECT)
  const isKnown = body instanceof Readable || JSON_TYPE.test(contentType)
  const refused = isKnown ? distrust(status, answeredFor, project) : strange
  if (refused !== undefined) {
    if (body instanceof Readable) body.destroy()
    yield* Effect.logError("the answer of MILLRACE_STATS_URL cannot be passed on", { status, contentType, answeredFor })
    return yield* Effect.fail(refused)
  }
  const retryAfter = headers.get("retry-after")
  const options = {
    status,
    contentType,
    headers: { ...NO_STORE, ...(retryAfter === null ? {} : { "retry-after": retryAfter }) }
  }
  return body instanceof Readable ? HttpServerResponse.raw(body, options) : HttpServerResponse.uint8Array(body, options)
})

/**
 * A bounded number of places. Whoever comes gets one while fewer than an equal share are theirs, of one share more than
 * there are holders: so there is always room for somebody new.
 */
class FairPlaces {
  readonly #max: number
  readonly #held = new Map<string, number>()
  #all = 0

  constructor(max: number) {
    this.#max = max
  }

  readonly enter = (who: string): boolean => {
    const mine = this.#held.get(who) ?? 0
    const holders = this.#held.size + (mine === 0 ? 1 : 0)
    if (this.#all >= this.#max || mine >= Math.ceil(this.#max / (holders + 1))) return false
    this.#held.set(who, mine + 1)
    this.#all++
    return true
  }

  readonly leave = (who: string): void => {
    const left = (this.#held.get(who) ?? 1) - 1
    if (left === 0) this.#held.delete(who)
    else this.#held.set(who, left)
    this.#all--
  }
}
