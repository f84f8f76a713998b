import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import { IncomingMessage, type ServerResponse } from "node:http"
import { Readable } from "node:stream"
import type { Lease } from "./BodyBudget.ts"
import { type Refusal, refusal, retryLater } from "./Refusal.ts"

export const MAX_BODY_BYTES = 5 * 1024 * 1024

const tooLarge = refusal("body_too_large", `The body may hold at most ${MAX_BODY_BYTES} bytes.`, {
  errors: [{ path: "", code: "body_too_large", message: `must be at most ${MAX_BODY_BYTES} bytes` }]
})
const spent = retryLater("overloaded", "Too many request bodies are under way.")
const cut = refusal("incomplete_body", "The body ended before its announced length.")
/** Of a mounted handler. */
const readBefore = refusal(
  "incomplete_body",
  "The body was read before it came here, as a body parser like express.json() does: mount millrace before the parser, or mount millrace.node, which takes what the parser made of it."
)

/** The body as it came, in one piece: at most {@link MAX_BODY_BYTES}, each byte charged as it arrives. */
export const readBytes = (
  request: HttpServerRequest.HttpServerRequest,
  lease: Lease
): Effect.Effect<Uint8Array, Refusal> =>
  Effect.suspend(() => {
    const announced = Number(request.headers["content-length"] ?? 0)
    if (announced > MAX_BODY_BYTES) return Effect.fail(tooLarge)
    const { source } = request
    if (source instanceof Request && source.bodyUsed) return Effect.fail(readBefore)
    const body = bodyOf(request)
    const bytes = body === undefined ? Effect.succeed(new Uint8Array()) : collect(body, lease)
    if (announced === 0 || source instanceof IncomingMessage) return bytes
    return Effect.filterOrFail(
      bytes,
      ({ length }) => length > 0,
      () => readBefore
    )
  })

/** Node's own stream, also under the fetch handler, so that there is one reader to get right. */
const bodyOf = (request: HttpServerRequest.HttpServerRequest): Readable | undefined => {
  const { source } = request
  if (source instanceof IncomingMessage) {
    if (request.headers["expect"] !== undefined) responseOf(request)?.writeContinue()
    return source
  }
  return source instanceof Request && source.body !== null ? Readable.from(source.body) : undefined
}

const responseOf = (request: object): ServerResponse | undefined =>
  "response" in request ? (request.response as ServerResponse) : undefined

const collect = (body: Readable, lease: Lease): Effect.Effect<Uint8Array, Refusal> =>
  Effect.callback((resume) => {
    const chunks: Array<Uint8Array> = []
    let length = 0
    const detach = () => {
      body.off("data", onData).off("end", onEnd).off("error", onCut).off("close", onCut)
      // A late error of a stream nobody reads any more must not end the process.
      body.on("error", () => {})
    }
    const finish = (effect: Effect.Effect<Uint8Array, Refusal>) => {
      detach()
      resume(effect)
    }
    const onData = (chunk: Uint8Array) => {
      length += chunk.length
      if (length > MAX_BODY_BYTES) return finish(Effect.fail(tooLarge))
      if (!lease.charge(chunk.length)) return finish(Effect.fail(spent))
      chunks.push(chunk)
    }
    const onEnd = () => finish(Effect.succeed(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)))
    const onCut = () => finish(Effect.fail(cut))
    body.on("data", onData).on("end", onEnd).on("error", onCut).on("close", onCut)
    return Effect.sync(detach)
  })
