import { Console, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { adapters } from "./adapters.ts"
import type { ServerOptions } from "./config.ts"
import { serverLayer } from "./Server.ts"

/** The whole server over the chosen adapters. */
export const server = (options: ServerOptions) => serverLayer(options).pipe(Layer.provide(adapters(options)))

/** Serves until interrupted. Once it listens, one line on standard output says where. */
export const serve = Effect.fn("serve")(function* (options: ServerOptions) {
  return yield* Layer.launch(Layer.provideMerge(announce(options), server(options)))
})

const announce = (options: ServerOptions) =>
  Layer.effectDiscard(
    Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
      Console.log(
        `millrace listening on ${HttpServer.formatAddress(address)} (data in ${options.directory}, ` +
          `${options.keys.size === 0 ? "no keys: this machine only" : `${options.keys.size} keys`})`
      )
    )
  )
