import type { KeyStoreError, UserStoreError } from "@millrace/core"
import { Console, Effect, Layer, References } from "effect"
import { HttpServer } from "effect/http"
import { loopRegistry } from "./App.ts"
import { adapters, usesDirectory } from "./adapters.ts"
import type { AdapterNotInstalled, BadAdapterChoice } from "./adapter/failures.ts"
import { rolesOf } from "./adapter/checkRoles.ts"
import type { ServerOptions } from "./config.ts"
import { Access } from "./http/Access.ts"
import { sessionsLayer } from "./auth/config.ts"
import { limiterLayer, limitsLayer } from "./limits/config.ts"
import { keyStoreLayer } from "./keys/stores.ts"
import { serverLayer } from "./Server.ts"

/** The whole server over the chosen adapters. */
export const server = (options: ServerOptions) => {
  // One, for quotas and logins.
  const limiter = limiterLayer(options.limits)
  const sessions = sessionsLayer(options.auth, options, options.limits.trustedProxies)
  return serverLayer<AdapterNotInstalled | BadAdapterChoice | KeyStoreError | UserStoreError>({
    ...options,
    roles: rolesOf(options),
    storedKeys: keyStoreLayer(options),
    quotas: limitsLayer(options.limits, limiter),
    sessions: Layer.provide(sessions, limiter)
  }).pipe(
    Layer.provide(adapters(options)),
    Layer.provide(loopRegistry),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, options.logLevel))
  )
}

/** Serves until interrupted, in no span: every trace would be part of it. Once it listens, one line on standard output says where. */
export const serve = Effect.fnUntraced(function* (options: ServerOptions) {
  return yield* Layer.launch(Layer.provideMerge(announce(options), server(options)))
})

/** For the line that tells the address. */
export const aboutServer = (options: ServerOptions, { keyed }: Access["Service"]): string =>
  [
    ...(options.roles === undefined ? [] : [`roles ${options.roles.join("+")}`]),
    ...(usesDirectory(options) ? [`data in ${options.directory}`] : []),
    keyed() ? "API keys" : "no keys: this machine only"
  ].join(", ")

const announce = (options: ServerOptions) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const about = aboutServer(options, yield* Access)
      yield* Console.log(`millrace listening on ${HttpServer.formatAddress(address)} (${about})`)
    })
  )
