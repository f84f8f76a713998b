import { Contract } from "@millrace/core/wire"
import type { EventQueue, EventStore, MetricName, Pipeline, Warehouse } from "@millrace/core"
import { Context, Effect, Layer } from "effect"
import { HttpRouter, type HttpServerRequest, type HttpServerResponse } from "effect/http"
import { HttpApi } from "effect/http-api"
import type { Sessions } from "../auth/Sessions.ts"
import type { Access } from "../auth/Access.ts"
import { frame } from "../http/frame.ts"
import type { Gate } from "../http/Gate.ts"
import { type Refusal, respondRefusal } from "../http/Refusal.ts"
import type { StatsOwner } from "./StatsOwner.ts"
import type { Limits } from "../limits/Limits.ts"
import type { Telemetry } from "../http/Telemetry.ts"
import { login, logout, refresh } from "./auth.ts"
import { atOwner, only, pathFrom } from "./guard.ts"
import { backUp } from "./backups.ts"
import { listDeadLetters, purgeDeadLetters, replayDeadLetters } from "./deadLetters.ts"
import { type BasePath, docsRoute, openapi } from "./docs.ts"
import { ingest } from "./events.ts"
import { livez, readyz, startupz } from "./health.ts"
import { answerOfJob } from "./jobs.ts"
import { ledger } from "./ledger.ts"
import { metrics } from "./metrics.ts"
import { stats, statsQuery } from "./stats.ts"
import { eraseUser, exportUser } from "./users.ts"

type Services =
  | Access
  | EventQueue
  | EventStore
  | Gate
  | Limits
  | Pipeline
  | Sessions
  | StatsOwner
  | Telemetry
  | Warehouse

type Handler = (
  request: HttpServerRequest.HttpServerRequest
) => Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal, Services | OfRequest>

/** What the router gives with each request. */
type OfRequest = HttpServerRequest.HttpServerRequest | HttpServerRequest.ParsedSearchParams | HttpRouter.RouteContext

type Groups = typeof Contract.groups
type EndpointName = { [Group in keyof Groups]: keyof Groups[Group]["endpoints"] & string }[keyof Groups]

const statsOf = (metric: MetricName) => atOwner(`/stats/${metric}`, stats(metric))

/** Every endpoint of the contract and what answers it: leaving one out does not compile. `docs` is a page, below. */
const handlers: { readonly [Name in Exclude<EndpointName, "docs">]: Handler } = {
  ingest: only("ingest", ingest),
  dau: statsOf("dau"),
  "active-users": statsOf("active-users"),
  "top-events": statsOf("top-events"),
  retention: statsOf("retention"),
  trend: statsOf("trend"),
  lifecycle: statsOf("lifecycle"),
  stickiness: statsOf("stickiness"),
  funnel: statsOf("funnel"),
  paths: statsOf("paths"),
  "dau/users": statsOf("dau/users"),
  "active-users/users": statsOf("active-users/users"),
  "top-events/users": statsOf("top-events/users"),
  "retention/users": statsOf("retention/users"),
  "trend/users": statsOf("trend/users"),
  "lifecycle/users": statsOf("lifecycle/users"),
  "stickiness/users": statsOf("stickiness/users"),
  "funnel/users": statsOf("funnel/users"),
  "paths/users": statsOf("paths/users"),
  statsQuery: atOwner("/stats/query", statsQuery),
  ledger: atOwner("/ledger", ledger),
  // At the owner: for ingestion alone the hot store is not opened, and it keeps some of them.
  listDeadLetters: atOwner("/dead-letters", listDeadLetters, "admin"),
  replayDeadLetters: atOwner("/dead-letters/replay", replayDeadLetters, "admin"),
  purgeDeadLetters: atOwner("/dead-letters/purge", purgeDeadLetters, "admin"),
  eraseUser: atOwner(pathFrom("/users/"), eraseUser, "admin"),
  exportUser: atOwner(pathFrom("/users/"), exportUser, "admin"),
  // There the warehouse is, and the hot store is open.
  takeBackup: atOwner("/backups", backUp, "admin"),
  answerOfJob: atOwner(pathFrom("/jobs/"), answerOfJob, "admin"),
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

/** Paths as they stand in the contract and no others: what a proxy keeps from outside by its path must not answer to a second spelling. */
export const routerConfig = {
  caseSensitive: true,
  ignoreTrailingSlash: false,
  ignoreDuplicateSlashes: false,
  // A user's id of 256 characters of four bytes, percent-encoded.
  maxParamLength: 3_072
} as const

/** Method and path come from the contract, so that they are written down once. */
const contractRoutes = (services: Context.Context<Services>) => {
  const found: Array<HttpRouter.Route<never, OfRequest>> = []
  HttpApi.reflect(Contract, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      const { identifier, method, path } = endpoint
      if (!isHandled(identifier)) return
      const answer = (request: HttpServerRequest.HttpServerRequest) =>
        handlers[identifier](request).pipe(
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
        yield* target.addAll(contractRoutes(yield* Effect.context<Services>()))
        yield* router.addGlobalMiddleware(yield* frame(basePath))
      })
    ),
    docsRoute(basePath)
  )
