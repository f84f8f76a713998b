import { Console, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { adapters, usesDirectory } from "./adapters.ts"
import { rolesOf } from "./adapter/checkRoles.ts"
import type { ServerOptions } from "./config.ts"
import { serverLayer } from "./Server.ts"

/** The whole server over the chosen adapters. */
export const server = (options: ServerOptions) =>
  serverLayer({ ...options, roles: rolesOf(options) }).pipe(Layer.provide(adapters(options)))

/** Serves until interrupted. Once it listens, one line on standard output says where. */
export const serve = Effect.fn("serve")(function* (options: ServerOptions) {
  return yield* Layer.launch(Layer.provideMerge(announce(options), server(options)))
})

/** For the line that tells the address. */
export const aboutServer = (options: ServerOptions): string =>
  [
    ...(options.roles === undefined ? [] : [`roles ${options.roles.join("+")}`]),
    ...(usesDirectory(options) ? [`data in ${options.directory}`] : []),
    options.keys.size === 0 ? "no keys: this machine only" : `${options.keys.size} keys`
  ].join(", ")

const announce = (options: ServerOptions) =>
  Layer.effectDiscard(
    Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
      Console.log(`millrace listening on ${HttpServer.formatAddress(address)} (${aboutServer(options)})`)
    )
  )
