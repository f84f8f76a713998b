import { Context, Effect, Layer, type Scope } from "effect"
import { HttpEffect, HttpRouter, type HttpServerRequest } from "effect/http"
import { routerConfig, routes } from "../routes/index.ts"
import type { BasePath } from "../routes/docs.ts"

/** The API as a function from `Request` to `Response`. */
export class WebHandler extends Context.Service<WebHandler, (request: Request) => Promise<Response>>()(
  "@millrace/server/WebHandler"
) {}

export const webHandlerLayer = (basePath: BasePath) =>
  Layer.effect(
    WebHandler,
    Effect.gen(function* () {
      const handle = yield* Effect.provideService(
        HttpRouter.toHttpEffect(routes(basePath)),
        HttpRouter.RouterConfig,
        routerConfig
      )
      const context = yield* Effect.context()
      return HttpEffect.toWebHandlerWith<never, HttpServerRequest.HttpServerRequest | Scope.Scope>(context)(handle)
    })
  )
