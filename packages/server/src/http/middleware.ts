import { Cause, Clock, Effect } from "effect"
import { HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Admission } from "./Admission.ts"
import { FailureLog } from "./FailureLog.ts"
import { refusal, refusalOf, respondRefusal, unknownMetric } from "./Refusal.ts"
import { Telemetry } from "./Telemetry.ts"
import { DOCS_HEADERS, DOCS_PATH } from "./docsPage.ts"
import { corsHeaders, preflightHeaders, refuseCrossSite, refuseHost } from "./origins.ts"
import { allowOf, type ContractPath, routeOf } from "./paths.ts"
import { continued } from "../observe/traces.ts"

type Request = HttpServerRequest.HttpServerRequest
type Response = HttpServerResponse.HttpServerResponse

/** Middleware around every request: host check, preflight, problems for what no handler answered, headers, counting. */
export const middleware = Effect.fnUntraced(function* (basePath: string) {
  const admission = yield* Admission
  const telemetry = yield* Telemetry
  const clock = yield* Clock.Clock
  const failures = new FailureLog()
  // It handles every error, and keeps `E` all the same: the router's type asks for that.
  return <E, R>(handle: Effect.Effect<Response, E, R>): Effect.Effect<Response, E, R | Request> =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const startNanos = clock.monotonicTimeNanosUnsafe()
      const route = routeOf(request.url, basePath)
      const label = route?.path ?? "other"
      const request_id = requestIdOf(request)
      const early = answerEarly(request, route, admission) ?? unrouted(request, route)
      const answered =
        early === undefined
          ? Effect.catchCause(handle, (cause) => recover(cause, request, route))
          : Effect.succeed(early)
      const finish = (response: Response) => {
        const { status } = response
        const seconds = Number(clock.monotonicTimeNanosUnsafe() - startNanos) / 1e9
        telemetry.request(methodLabel(request.method), label, status, seconds)
        const headers = {
          ...(route === undefined ? SECURITY_HEADERS : extraHeaders(request, route, admission, status)),
          ...(status >= 400 ? { "x-request-id": request_id } : {}),
          ...(admission.state.closing ? { connection: "close" } : {})
        }
        const finished = HttpServerResponse.setHeaders(response, headers)
        return status < 500
          ? Effect.succeed(finished)
          : Effect.as(failures.note({ route: label, status, seconds, refused: refusalOf(response) }), finished)
      }
      const logged = Effect.annotateLogs(Effect.flatMap(answered, finish), { request_id, route: label })
      return continued(request, logged)
    })
})

/**
 * Paths as they stand in the contract, byte for byte, and no others: what a proxy keeps from outside by its path must not
 * answer to a second spelling. The router decodes first and cuts at a semicolon, so it is not asked.
 */
const unrouted = (request: Request, route: ContractPath | undefined): Response | undefined =>
  route === undefined ? respondRefusal(noRoute(request, route)) : undefined

const METHODS = new Set(["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
const methodLabel = (method: string) => (METHODS.has(method) ? method : "other")

/**
 * An answer is data: no browser shall guess its type, show it in a frame, run anything of it, or tell where it came
 * from.
 */
const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer"
} as const

const extraHeaders = (
  request: Request,
  route: ContractPath,
  admission: Admission["Service"],
  status: number
): Record<string, string> => {
  const cors = corsHeaders(route.access, request.headers, admission)
  return { ...SECURITY_HEADERS, ...cors, ...(route.path === DOCS_PATH && status === 200 ? DOCS_HEADERS : {}) }
}

/** What is refused before anything of the request is looked at; a preflight is answered like that, too. */
const answerEarly = (
  request: Request,
  route: ContractPath | undefined,
  admission: Admission["Service"]
): Response | undefined => {
  const refused =
    (admission.loopbackNamesOnly ? refuseHost(request) : undefined) ??
    (admission.eventsOnly && route !== undefined && route.access.scope !== "write" ? eventsOnly : undefined)
  if (refused !== undefined) return respondRefusal(refused)
  if (route === undefined) return undefined
  if (request.method === "OPTIONS") return preflight(route)
  const crossSite = admission.guardsOrigins ? refuseCrossSite(route.access, request, admission) : undefined
  return crossSite && respondRefusal(crossSite)
}

const eventsOnly = refusal(
  "events_only",
  "This handler takes POST /events and nothing else. The program that mounts it opens more with one of: keys, authorize, open: true."
)

const preflight = (route: ContractPath): Response =>
  HttpServerResponse.empty({ status: 204, headers: preflightHeaders(allowOf(route)) })

/** No route, or a defect. An interruption is the client's going away or our closing: nobody reads an answer. */
const recover = <E>(
  cause: Cause.Cause<E>,
  request: Request,
  route: ContractPath | undefined
): Effect.Effect<Response> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
  const error = Cause.squash(cause)
  if (error instanceof HttpServerError.HttpServerError && error.reason._tag === "RouteNotFound") {
    return Effect.succeed(respondRefusal(noRoute(request, route)))
  }
  return Effect.as(
    Effect.logError("a request failed", cause),
    respondRefusal(refusal("internal", "The server failed on this request; its log says why."))
  )
}

const noRoute = (request: Request, route: ContractPath | undefined) => {
  if (route !== undefined) {
    const allow = allowOf(route)
    return refusal("method_not_allowed", `${route.path} takes ${allow}.`, { headers: { allow } })
  }
  const metric = /\/stats\/([^?#]*)/u.exec(request.url)?.[1]
  return metric === undefined
    ? refusal("not_found", "There is nothing at this path; /openapi.json lists what there is.")
    : unknownMetric(metric)
}

/** A proxy's own id is taken over where it can be nothing but one: whatever else stands there may be a secret. */
const ID = /^(?:[\da-f]{16,32}|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/iu

/** Names the request in every log line, and in the answer to it if that is a problem. */
const requestIdOf = ({ headers }: HttpServerRequest.HttpServerRequest): string => {
  const given = headers["x-request-id"]
  return given !== undefined && ID.test(given) ? given : crypto.randomUUID()
}
