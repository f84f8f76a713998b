import { Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { ErasureReceiptAnswer } from "./receipt.ts"

/** Every problem the API answers with: RFC 9457 status and title by code. A code never changes its meaning. */
export const PROBLEMS = {
  invalid_json: { status: 400, title: "The body is not JSON" },
  invalid_utf8: { status: 400, title: "The body is not UTF-8" },
  invalid_encoding: { status: 400, title: "The body does not inflate" },
  incomplete_body: { status: 400, title: "The body ended early" },
  bad_request: { status: 400, title: "The request is not well-formed HTTP" },
  not_a_batch: { status: 400, title: "The body is not a batch of events" },
  unauthenticated: { status: 401, title: "A valid API key or session is needed" },
  invalid_credentials: { status: 401, title: "Email or password is wrong" },
  session_ended: { status: 401, title: "The session has ended" },
  wrong_scope: { status: 403, title: "This API key or session may not do this" },
  project_required: { status: 403, title: "The request must name one of your projects" },
  origin_not_allowed: { status: 403, title: "Pages of this origin may not do this" },
  host_not_allowed: { status: 403, title: "Without keys this server answers on loopback names only" },
  events_only: { status: 403, title: "This handler takes events and nothing else" },
  not_authorized: { status: 403, title: "The program around this handler does not allow this" },
  backups_off: { status: 403, title: "Backups cannot be asked for here" },
  not_found: { status: 404, title: "There is nothing at this path" },
  unknown_metric: { status: 404, title: "There is no such metric" },
  unknown_job: { status: 404, title: "No work of this name is known" },
  method_not_allowed: { status: 405, title: "This path does not take this method" },
  request_timeout: { status: 408, title: "The request did not arrive in time" },
  backup_exists: { status: 409, title: "There is something of this name already" },
  body_too_large: { status: 413, title: "The body is too large" },
  too_many_events: { status: 413, title: "The batch holds too many events" },
  message_too_large: { status: 413, title: "The queue cannot carry an event this large" },
  unsupported_media_type: { status: 415, title: "The body must be JSON" },
  unsupported_encoding: { status: 415, title: "This content encoding is not understood" },
  no_event_accepted: { status: 422, title: "No event of the batch was accepted" },
  invalid_parameter: { status: 422, title: "A parameter is not valid" },
  question_too_expensive: { status: 422, title: "The question takes more than one may" },
  rate_limited: { status: 429, title: "Too many events or requests for now" },
  too_many_logins: { status: 429, title: "Too many attempts to log in for now" },
  headers_too_large: { status: 431, title: "The request's headers are too large" },
  internal: { status: 500, title: "The server failed" },
  unsupported_question: { status: 501, title: "The configured warehouse cannot answer this" },
  wrong_role: { status: 503, title: "This process does not do that" },
  queue_full: { status: 503, title: "The queue is full" },
  queue_unavailable: { status: 503, title: "The queue cannot be reached" },
  publish_unconfirmed: { status: 503, title: "It is unknown whether the queue took the batch" },
  overloaded: { status: 503, title: "Too much is under way" },
  answer_overdue: { status: 503, title: "The server did not come to an answer in time" },
  erasure_incomplete: { status: 503, title: "Not every place could be erased yet" },
  backup_failed: { status: 503, title: "The backup could not be made" },
  warehouse_unavailable: { status: 503, title: "The warehouse cannot be reached" },
  limiter_unavailable: { status: 503, title: "Quotas cannot be checked" },
  keys_unavailable: { status: 503, title: "API keys cannot be checked" },
  users_unavailable: { status: 503, title: "Accounts cannot be checked" }
} as const satisfies Record<string, { readonly status: number; readonly title: string }>

export type ProblemCode = keyof typeof PROBLEMS
export type ProblemStatus = (typeof PROBLEMS)[ProblemCode]["status"]

/** One broken rule. `path` is a JSON Pointer into the body, or the parameter's name after `/`. */
export const ProblemItem = Schema.Struct({
  path: Schema.String,
  code: Schema.String,
  message: Schema.String
}).annotate({ identifier: "ProblemItem" })
export type ProblemItem = typeof ProblemItem.Type

/** A refused event of a batch. */
export const Rejected = Schema.Struct({
  index: Schema.Int.annotate({ description: "Position in the batch, from 0." }),
  event_id: Schema.NullOr(Schema.String),
  path: Schema.String.annotate({ description: "JSON Pointer into the event." }),
  code: Schema.String,
  message: Schema.String
}).annotate({ identifier: "Rejected" })

const members = {
  type: Schema.String.annotate({ description: "urn:millrace:problem:<code>" }),
  title: Schema.String,
  detail: Schema.String,
  errors: Schema.Array(ProblemItem)
}

/** The body of `application/problem+json`. */
export const Problem = Schema.Struct({
  ...members,
  status: Schema.Int,
  rejected: Schema.optionalKey(Schema.Array(Rejected)),
  receipt: Schema.optionalKey(ErasureReceiptAnswer)
}).annotate({ identifier: "Problem" })
export type Problem = typeof Problem.Type

const URN = "urn:millrace:problem:"

/** The problem's code, or `undefined` for a type that is not ours. */
export const problemCode = (type: string): ProblemCode | undefined => {
  const code = type.startsWith(URN) ? type.slice(URN.length) : ""
  return isCode(code) ? code : undefined
}

const isCode = (code: string): code is ProblemCode => Object.hasOwn(PROBLEMS, code)

export const makeProblem = (
  code: ProblemCode,
  detail: string,
  more: {
    readonly errors?: ReadonlyArray<ProblemItem>
    readonly rejected?: Problem["rejected"]
    readonly receipt?: Problem["receipt"]
  } = {}
): Problem => ({
  type: `${URN}${code}`,
  title: PROBLEMS[code].title,
  status: PROBLEMS[code].status,
  detail,
  errors: more.errors ?? [],
  ...(more.rejected === undefined ? {} : { rejected: more.rejected }),
  ...(more.receipt === undefined ? {} : { receipt: more.receipt })
})

const declared = new Map<ProblemStatus, unknown>()

/** How the contract declares one status; the same schema each time, so that the document holds it once. */
export const problemOf = <const Status extends ProblemStatus>(status: Status): ReturnType<typeof declare<Status>> => {
  const known = declared.get(status) ?? declare(status)
  declared.set(status, known)
  return known as ReturnType<typeof declare<Status>>
}

const declare = <const Status extends ProblemStatus>(status: Status) =>
  Schema.Struct({ ...members, status: Schema.Literal(status) })
    .annotate({ identifier: `Problem${status}`, description: titlesOf(status) })
    .pipe(HttpApiSchema.status(status), HttpApiSchema.asJson({ contentType: "application/problem+json" }))

/** As {@link problemOf}, with the batch's verdicts. */
export const noEventAccepted = Schema.Struct({
  ...members,
  status: Schema.Literal(422),
  rejected: Schema.Array(Rejected)
})
  .annotate({ identifier: "NoEventAccepted", description: PROBLEMS.no_event_accepted.title })
  .pipe(HttpApiSchema.status(422), HttpApiSchema.asJson({ contentType: "application/problem+json" }))

/** As {@link problemOf}, with the receipt of an erasure that is not complete. */
export const erasureIncomplete = Schema.Struct({
  ...members,
  status: Schema.Literal(503),
  receipt: Schema.optionalKey(ErasureReceiptAnswer)
})
  .annotate({ identifier: "ErasureIncomplete", description: PROBLEMS.erasure_incomplete.title })
  .pipe(HttpApiSchema.status(503), HttpApiSchema.asJson({ contentType: "application/problem+json" }))

const titlesOf = (status: ProblemStatus) =>
  Object.entries(PROBLEMS)
    .filter(([, problem]) => problem.status === status)
    .map(([code, { title }]) => `${code}: ${title}.`)
    .join(" ")
