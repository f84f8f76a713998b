import type { IncomingMessage, ServerResponse } from "node:http"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { makeProblem } from "@millrace/core/wire"
import { Context, Effect, Layer, type Scope } from "effect"
import { HttpEffect, HttpRouter, type HttpServerRequest } from "effect/http"
import { incomingOf } from "../auth/authorize.ts"
import type { BasePath } from "../routes/docs.ts"
import { routerConfig, routes } from "../routes/index.ts"

/** For servers that speak Node's own `http`: Express, Fastify (`reply.raw`), Nest, Koa (`ctx.req`, `ctx.res`). */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void

/** What frameworks add: the path before a router cut its own part off, and a body that a parser has read. */
type Incoming = IncomingMessage & { readonly originalUrl?: string; readonly body?: unknown }

/** The fetch handler, for Node; it answers whatever happens. */
export const nodeHandler =
  (handle: (request: Request) => Promise<Response>): NodeHandler =>
  (incoming, response) => {
    const gone = new AbortController()
    response.once("close", () => gone.abort())
    // What breaks off breaks visibly, and nobody is left to be told.
    answerTo(incoming, handle, gone.signal)
      .then((answer) => writeTo(response, answer))
      .catch(() => response.destroy())
  }

const writeTo = async (response: ServerResponse, { body, headers, status }: Response): Promise<void> => {
  response.writeHead(status, Object.fromEntries(headers))
  if (body === null) response.end()
  else await pipeline(Readable.fromWeb(body as never), response)
}

const answerTo = async (
  incoming: IncomingMessage,
  handle: (request: Request) => Promise<Response>,
  signal: AbortSignal
): Promise<Response> => {
  let request: Request
  try {
    request = webRequest(incoming, signal)
  } catch {
    return problem(makeProblem("bad_request", "The request's target, host or method is not well-formed."))
  }
  incomingOf.set(request, incoming)
  return handle(request).catch((error: unknown) =>
    problem(makeProblem("queue_unavailable", error instanceof Error ? error.message : "This millrace is closed."))
  )
}

const problem = (body: ReturnType<typeof makeProblem>): Response =>
  Response.json(body, { status: body.status, headers: { "content-type": "application/problem+json" } })

const webRequest = (incoming: Incoming, signal: AbortSignal): Request => {
  const { headers: named, method = "GET", originalUrl, rawHeaders, url = "/" } = incoming
  const target = new URL(originalUrl ?? url, `http://${named.host ?? "localhost"}`)
  const headers = new Headers()
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at]!, rawHeaders[at + 1]!)
  const body = method === "GET" || method === "HEAD" ? undefined : bodyOf(incoming, headers)
  return new Request(target, { method, headers, signal, ...(body === undefined ? {} : { body, duplex: "half" }) })
}

/** As it comes; or what a parser before us made of it, which is no longer as compressed and as long as announced. */
const bodyOf = (incoming: Incoming, headers: Headers): RequestInit["body"] => {
  if (!incoming.readableDidRead) return Readable.toWeb(incoming) as never
  const { body } = incoming
  // Nobody knows any more what it was: the length that was announced says that there was something.
  if (body === undefined || body === null) return undefined
  headers.delete("content-encoding")
  headers.delete("content-length")
  return typeof body === "string" || body instanceof Uint8Array
    ? (body as NonNullable<RequestInit["body"]>)
    : JSON.stringify(body)
}

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
