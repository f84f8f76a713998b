import { NodeHttpServer } from "@effect/platform-node"
import type { KeyStore, KeyStoreError, AccountStoreError } from "@millrace/core"
import { Effect, Layer, References, Schema, type Scope } from "effect"
import { HttpRouter, type HttpServer } from "effect/http"
import type { Server } from "node:http"
import { ROLES, rolesOf } from "./adapters/roles.ts"
import type { AdapterNotInstalled, BadAdapterChoice } from "./adapters/failures.ts"
import { adapters, type AdapterServices, usesDirectory } from "./adapters/registry.ts"
import { appLayer, loopRegistry, metricRegistry } from "./App.ts"
import { sessionsLayer } from "./auth/config.ts"
import type { ServerOptions } from "./config.ts"
import { keyStoreLayer } from "./keys/stores.ts"
import { limiterLayer, limitsLayer } from "./limits/config.ts"
import { Sessions } from "./auth/Sessions.ts"
import { Access } from "./auth/Access.ts"
import { endedLog } from "./http/endedLog.ts"
import { Admission } from "./http/Admission.ts"
import { isLoopbackName } from "./http/origins.ts"
import { Limits } from "./limits/Limits.ts"
import type { Telemetry } from "./http/Telemetry.ts"
import { makeNodeServer, type TimeLimits } from "./http/nodeServer.ts"
import { configuredKeyCache, type KeyCache, storedKeyCache } from "./keys/KeyCache.ts"
import type { KeyPepper } from "./keys/stores.ts"
import { Running } from "./observe/Running.ts"
import { observed } from "./observe/observed.ts"
import { routerConfig, routes } from "./routes/index.ts"

/** How long open requests may take to finish once the server closes. */
const FINISH_WITHIN_MILLIS = 3_000

/** Without keys everyone who reaches the port may read and write. */
export class KeysRequired extends Schema.TaggedError<KeysRequired>()("KeysRequired", { host: Schema.String }) {
  override get message(): string {
    return `refusing to listen on ${this.host} without API keys: make one with millrace keys create, set MILLRACE_KEYS=project:scope:key,…, or listen on 127.0.0.1`
  }
}

/** The address is taken, or not ours to take. */
export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", {
  host: Schema.String,
  port: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `cannot listen on ${this.host} port ${this.port}: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

export interface ListenOptions<E = never> extends Pick<
  ServerOptions,
  | "port"
  | "host"
  | "roles"
  | "statsUrl"
  | "statsTimeoutMillis"
  | "keys"
  | "maxConnections"
  | "maxInFlightBytes"
  | "directory"
  | "backupDirectory"
  | "answerWithinMillis"
  | "closeGraceMillis"
  | "jobWaitMillis"
  | "statsOrigins"
> {
  /** Default: none beside `keys`. */
  readonly storedKeys?: Layer.Layer<KeyStore | KeyPepper, E>
  /** Default: none. */
  readonly quotas?: Layer.Layer<Limits, E, Telemetry>
  /** Default: nobody has an account. */
  readonly sessions?: Layer.Layer<Sessions, E, Telemetry>
  /** Tests shorten them. */
  readonly timeLimits?: Partial<TimeLimits>
}

/**
 * The HTTP server over whatever adapters are given. Closing it: not ready any more, then no new connections, open requests
 * finish, then the pipeline's last flush, then the adapters close.
 */
export const serverLayer = <E = never>(
  options: ListenOptions<E>
): Layer.Layer<
  HttpServer.HttpServer | Access | Running,
  E | KeyStoreError | KeysRequired | CannotListen,
  AdapterServices
> => {
  const ended = endedLog()
  const node = makeNodeServer({
    maxConnections: options.maxConnections,
    limits: { answerWithinMillis: options.answerWithinMillis, ...options.timeLimits },
    onEnded: ended.note
  })
  const http = NodeHttpServer.layer(() => node, {
    port: options.port,
    host: options.host,
    gracefulShutdownTimeout: FINISH_WITHIN_MILLIS
  }).pipe(
    Layer.catchTag("ServeError", ({ cause }) =>
      Layer.effectContext(Effect.fail(new CannotListen({ host: options.host, port: options.port, cause })))
    )
  )
  // Closing goes through this list from the top: each layer closes before those provided to it.
  return announceClosing(options.closeGraceMillis).pipe(
    Layer.provideMerge(HttpRouter.serve(routes(""), { routerConfig, disableLogger: true, disableListenLog: true })),
    Layer.provideMerge(cutConnections(node)),
    Layer.provideMerge(ended.layer),
    Layer.provideMerge(Layer.provide(http, requireKeys(options.host))),
    Layer.provideMerge(
      appLayer({
        ...options,
        roles: options.roles ?? ROLES,
        statsOwner: statsOwnerOf(options),
        keyCache: keyCacheOf(options),
        limits: options.quotas ?? Limits.none,
        sessions: options.sessions ?? Sessions.none,
        readers: new Set(options.statsOrigins)
      })
    ),
    Layer.provideMerge(Running.layer),
    Layer.provideMerge(observed),
    Layer.provide(metricRegistry)
  )
}

const keyCacheOf = <E>({
  keys,
  storedKeys
}: ListenOptions<E>): Effect.Effect<KeyCache, E | KeyStoreError, Scope.Scope> =>
  storedKeys === undefined
    ? Effect.sync(() => configuredKeyCache(keys))
    : Effect.flatMap(Layer.build(storedKeys), (store) => Effect.provideContext(storedKeyCache(keys), store))

const statsOwnerOf = ({ statsTimeoutMillis, statsUrl }: Pick<ListenOptions, "statsTimeoutMillis" | "statsUrl">) =>
  statsUrl === undefined ? undefined : { url: statsUrl, timeoutMillis: statsTimeoutMillis }

const requireKeys = (host: string) =>
  Layer.effectDiscard(
    Effect.flatMap(Access, ({ keyed }) =>
      keyed() || isLoopbackName(host) ? Effect.void : Effect.fail(new KeysRequired({ host }))
    )
  )

/**
 * From here on `/readyz` refuses and every answer ends its connection. Requests are taken for the grace all the same:
 * who sends them has to learn of it first, and a connection that is closed unasked may have one under way.
 */
const announceClosing = (graceMillis: number) =>
  Layer.effectDiscard(
    Effect.flatMap(Admission, ({ state }) =>
      Effect.addFinalizer(() =>
        Effect.andThen(
          Effect.sync(() => {
            state.closing = true
          }),
          Effect.sleep(graceMillis)
        )
      )
    )
  )

/** After the time to finish; the server's own close waits for every connection. */
const cutConnections = (node: Server) =>
  Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => node.closeAllConnections())))

/** The whole server over the chosen adapters. */
export const server = (options: ServerOptions, loops = loopRegistry) => {
  // One, for quotas and logins.
  const limiter = limiterLayer(options.limits)
  const sessions = sessionsLayer(options.auth, options, options.limits.trustedProxies)
  return serverLayer<AdapterNotInstalled | BadAdapterChoice | KeyStoreError | AccountStoreError>({
    ...options,
    roles: rolesOf(options),
    storedKeys: keyStoreLayer(options),
    quotas: limitsLayer(options.limits, limiter),
    sessions: Layer.provide(sessions, limiter)
  }).pipe(
    Layer.provide(adapters(options)),
    Layer.provide(loops),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, options.logLevel))
  )
}

/** For the line that tells the address. */
export const aboutServer = (options: ServerOptions, { keyed }: Access["Service"]): string =>
  [
    ...(options.roles === undefined ? [] : [`roles ${options.roles.join("+")}`]),
    ...(usesDirectory(options) ? [`data in ${options.directory}`] : []),
    keyed() ? "API keys" : "no keys: this machine only"
  ].join(", ")
