import { accessOf, type ApiKeySecurity, Contract } from "@millrace/core/wire"
import { type MetricName, metricNames, type Pipeline } from "@millrace/core"
import { Context, Effect, Layer } from "effect"
import { HttpRouter, type HttpServerRequest, type HttpServerResponse } from "effect/http"
import { HttpApi, type HttpApiEndpoint } from "effect/http-api"
import type { AdapterServices } from "../adapters/registry.ts"
import type { Sessions } from "../auth/Sessions.ts"
import type { Access } from "../auth/Access.ts"
import type { CurrentCaller } from "../http/Caller.ts"
import { middleware } from "../http/middleware.ts"
import type { Admission } from "../http/Admission.ts"
import { type Refusal, respondRefusal } from "../http/Refusal.ts"
import type { StatsOwner } from "./StatsOwner.ts"
import type { Limits } from "../limits/Limits.ts"
import type { Telemetry } from "../http/Telemetry.ts"
import { login, logout, refresh } from "./auth.ts"
import { backUp } from "./backups.ts"
import { listDeadLetters, purgeDeadLetters, replayDeadLetters } from "./deadLetters.ts"
import { type BasePath, docsRoute, openapi } from "./docs.ts"
import { ingest } from "./events.ts"
import { livez, readyz, startupz } from "./health.ts"
import { guard } from "./guard.ts"
import { answerOfJob } from "./jobs.ts"
import { ledger } from "./ledger.ts"
import { metrics } from "./metrics.ts"
import { stats, statsQuery } from "./stats.ts"
import { eraseUser, exportUser } from "./users.ts"

type Services = AdapterServices | Access | Admission | Limits | Pipeline | Sessions | StatsOwner | Telemetry

type Handler<R> = (
  request: HttpServerRequest.HttpServerRequest
) => Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal, Services | OfRequest | R>

/** What the router gives with each request. */
type OfRequest = HttpServerRequest.HttpServerRequest | HttpServerRequest.ParsedSearchParams | HttpRouter.RouteContext

type Groups = typeof Contract.groups
type EndpointName = { [Group in keyof Groups]: keyof Groups[Group]["endpoints"] & string }[keyof Groups]
type EndpointOf<Name> = {
  [Group in keyof Groups]: Name extends keyof Groups[Group]["endpoints"] ? Groups[Group]["endpoints"][Name] : never
}[keyof Groups]

/** Only where the contract asks for a key is there a caller. */
type HandlerOf<Name> =
  ApiKeySecurity extends HttpApiEndpoint.Middleware<EndpointOf<Name>> ? Handler<CurrentCaller> : Handler<never>

const statsHandlers = Object.fromEntries(
  metricNames.map((name): readonly [MetricName, Handler<CurrentCaller>] => [name, stats(name)])
) as { readonly [Name in MetricName]: Handler<CurrentCaller> }

/** Every endpoint of the contract and what answers it: leaving one out does not compile. `docs` is a page, below. */
const handlers: { readonly [Name in Exclude<EndpointName, "docs">]: HandlerOf<Name> } = {
  ingest,
  ...statsHandlers,
  statsQuery,
  ledger,
  listDeadLetters,
  replayDeadLetters,
  purgeDeadLetters,
  eraseUser,
  exportUser,
  takeBackup: backUp,
  answerOfJob,
  login,
  refresh,
  logout,
  livez,
  startupz,
  readyz,
  metrics,
  openapi
}

const isHandled = (name: string): name is keyof typeof handlers => Object.hasOwn(handlers, name)

/**
 * Paths as they stand in the contract and no others: what a proxy keeps from outside by its path must not answer to a
 * second spelling.
 */
export const routerConfig = {
  caseSensitive: true,
  ignoreTrailingSlash: false,
  ignoreDuplicateSlashes: false,
  // A user's id of 256 characters of four bytes, percent-encoded.
  maxParamLength: 3_072
} as const

/** Method, path and access come from the contract, so that they are written down once. */
const contractRoutes = (services: Context.Context<Services>, basePath: BasePath) => {
  const found: Array<HttpRouter.Route<never, OfRequest>> = []
  HttpApi.reflect(Contract, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      const { identifier, method, path } = endpoint
      if (!isHandled(identifier)) return
      const guarded = guard<Services | OfRequest | CurrentCaller>(accessOf(endpoint), handlers[identifier], basePath)
      const answer = (request: HttpServerRequest.HttpServerRequest) =>
        guarded(request).pipe(
          Effect.catchTag("Refusal", (refused) => Effect.succeed(respondRefusal(refused))),
          Effect.updateContext((own: Context.Context<OfRequest>) => Context.merge(services, own))
        )
      found.push(HttpRouter.route(method, path as HttpRouter.PathInput, answer))
    }
  })
  return found
}

/** The whole API on the router, below `basePath` when it is mounted into another server. */
export const routes = (basePath: BasePath): Layer.Layer<never, never, HttpRouter.HttpRouter | Services> =>
  Layer.mergeAll(
    HttpRouter.use(
      Effect.fnUntraced(function* (router) {
        const target = basePath === "" ? router : router.prefixed(basePath)
        yield* target.addAll(contractRoutes(yield* Effect.context<Services>(), basePath))
        yield* router.addGlobalMiddleware(yield* middleware(basePath))
      })
    ),
    docsRoute(basePath)
  )
