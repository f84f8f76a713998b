import { metricNames, nearest } from "@millrace/core"
import { makeProblem, type Problem, type ProblemCode } from "@millrace/core/wire"
import { Data } from "effect"
import { HttpServerResponse } from "effect/http"

type Headers = Readonly<Record<string, string>>

/** A request that ends in a problem; the only failure a handler has. */
export class Refusal extends Data.TaggedError("Refusal")<{
  readonly problem: Problem
  readonly headers: Headers
  /** For the log alone: a client is told nothing of it. */
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.problem.type}: ${this.problem.detail}`
  }
}

interface RefusalDetails {
  readonly errors?: Problem["errors"]
  readonly rejected?: Problem["rejected"]
  readonly receipt?: Problem["receipt"]
  readonly headers?: Headers
}

export const refusal = (code: ProblemCode, detail: string, { headers = {}, ...more }: RefusalDetails = {}): Refusal =>
  new Refusal({ problem: makeProblem(code, detail, more), headers })

/** A refusal for the moment: the client should come back after `seconds`. */
export const retryLater = (code: ProblemCode, detail: string, seconds = 1): Refusal =>
  refusal(code, detail, { headers: { "retry-after": String(Math.max(1, Math.ceil(seconds))) } })

/** RFC 9110 asks for it with every 401. */
export const CHALLENGE = { headers: { "www-authenticate": 'Bearer realm="millrace"' } }

export const NO_STORE = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const

/** The same refusal, with what led to it. */
export const because = ({ headers, problem }: Refusal, cause: unknown): Refusal =>
  new Refusal({ headers, problem, cause })

/** Why an answer is what it is, as long as it lives. */
const refusals = new WeakMap<HttpServerResponse.HttpServerResponse, Refusal>()

export const refusalOf = (response: HttpServerResponse.HttpServerResponse): Refusal | undefined =>
  refusals.get(response)

export const respondRefusal = (refused: Refusal): HttpServerResponse.HttpServerResponse => {
  const { headers, problem } = refused
  const response = HttpServerResponse.text(JSON.stringify(problem), {
    status: problem.status,
    contentType: "application/problem+json",
    headers: { ...NO_STORE, ...headers }
  })
  refusals.set(response, refused)
  return response
}

export const respondJson = (
  body: unknown,
  headers: Headers = {},
  status = 200
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(JSON.stringify(body), {
    status,
    contentType: "application/json",
    headers: { ...NO_STORE, ...headers }
  })

/** By a name that anybody chose: it is not repeated, the one that it is like may be. */
export const unknownMetric = (given: string): Refusal => {
  const name = nearest(given, metricNames)
  const hint = name === undefined ? "" : ` Did you mean ${name}?`
  return refusal("unknown_metric", `There is no such metric; /openapi.json lists those there are.${hint}`)
}
