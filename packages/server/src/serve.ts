import type { KeyStoreError, UserStoreError } from "@millrace/core"
import { Layer, References } from "effect"
import { loopRegistry } from "./App.ts"
import { adapters, usesDirectory } from "./adapters/registry.ts"
import type { AdapterNotInstalled, BadAdapterChoice } from "./adapters/failures.ts"
import { rolesOf } from "./adapters/checkRoles.ts"
import type { ServerOptions } from "./config.ts"
import type { Access } from "./auth/Access.ts"
import { sessionsLayer } from "./auth/config.ts"
import { limiterLayer, limitsLayer } from "./limits/config.ts"
import { keyStoreLayer } from "./keys/stores.ts"
import { serverLayer } from "./Server.ts"

/** The whole server over the chosen adapters. */
export const server = (options: ServerOptions, loops = loopRegistry) => {
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
