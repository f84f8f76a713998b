import { IncomingMessage, type ServerResponse } from "node:http"
import { Readable } from "node:stream"
import { promisify } from "node:util"
import { brotliDecompress, gunzip, inflate as inflateZlib } from "node:zlib"
import { type BadJson, decodeJson } from "@millrace/core"
import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import { Admission } from "./Admission.ts"
import type { Lease } from "./BodyBudget.ts"
import { type Refusal, refusal, retryLater } from "./Refusal.ts"

export const MAX_BODY_BYTES = 5 * 1024 * 1024

const tooLarge = refusal("body_too_large", `The body may hold at most ${MAX_BODY_BYTES} bytes.`, {
  errors: [{ path: "", code: "body_too_large", message: `must be at most ${MAX_BODY_BYTES} bytes` }]
})
export const bodiesSpent = retryLater("overloaded", "Too many request bodies are under way.")
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
      if (!lease.charge(chunk.length)) return finish(Effect.fail(bodiesSpent))
      chunks.push(chunk)
    }
    const onEnd = () => finish(Effect.succeed(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)))
    const onCut = () => finish(Effect.fail(cut))
    body.on("data", onData).on("end", onEnd).on("error", onCut).on("close", onCut)
    return Effect.sync(detach)
  })

type Inflate = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Uint8Array>

const inflaters = new Map<string, Inflate>([
  ["gzip", promisify(gunzip)],
  ["x-gzip", promisify(gunzip)],
  ["deflate", promisify(inflateZlib)],
  ["br", promisify(brotliDecompress)]
])

const ACCEPTED = { "accept-encoding": "gzip, deflate, br" }

/** Undoes the content encoding. zlib stops at the bound itself, so a bomb never unfolds in memory. */
export const inflate = (bytes: Uint8Array, encoding: string | undefined): Effect.Effect<Uint8Array, Refusal> => {
  const name = encoding?.trim().toLowerCase() ?? ""
  if (name === "" || name === "identity") return Effect.succeed(bytes)
  const inflater = inflaters.get(name)
  if (inflater === undefined) {
    return Effect.fail(
      refusal("unsupported_encoding", "The body may be sent plain or as one of gzip, deflate, br.", {
        headers: ACCEPTED
      })
    )
  }
  return Effect.tryPromise({
    try: () => inflater(bytes, { maxOutputLength: MAX_BODY_BYTES }),
    catch: (cause) => (isOverflow(cause) ? tooLargeInflated : corrupt(name))
  })
}

const isOverflow = (cause: unknown) =>
  cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE"

const tooLargeInflated = refusal("body_too_large", `The body inflates to more than ${MAX_BODY_BYTES} bytes.`, {
  errors: [{ path: "", code: "body_too_large", message: `must inflate to at most ${MAX_BODY_BYTES} bytes` }]
})

const corrupt = (name: string) => refusal("invalid_encoding", `The body is not valid ${name} data, or was cut short.`)

const JSON_TYPE = /^application\/(?:json|[\w.+-]+\+json)$/u

interface MediaRule {
  /** Beacons send text/plain, because that needs no preflight. */
  readonly plainText: boolean
  /** No content-type at all counts as JSON: minimal senders leave it out. */
  readonly absent: boolean
}

/** `undefined` when the body may be read as JSON. */
export const refuseMediaType = (contentType: string | undefined, rule: MediaRule): Refusal | undefined => {
  if (contentType === undefined || contentType.trim() === "") return rule.absent ? undefined : unsupported("(none)")
  const [type = "", ...parameters] = contentType.toLowerCase().split(";")
  const name = type.trim()
  if (!JSON_TYPE.test(name) && !(rule.plainText && name === "text/plain")) return unsupported(name)
  const charset = parameters
    .map((part) => /^charset="?([^"]*)"?$/u.exec(part.trim())?.[1])
    .find((found) => found !== undefined)
  return charset === undefined || charset === "utf-8" || charset === "utf8" || charset === "us-ascii"
    ? undefined
    : refusal("unsupported_media_type", "The body must be UTF-8.")
}

const unsupported = (name: string) =>
  refusal("unsupported_media_type", `The body was sent as ${name.slice(0, 80)}; send it as application/json.`, {
    headers: { "accept-post": "application/json, text/plain" }
  })

/** Bytes → JSON value, or the problem that they are none. */
const parseJson = (bytes: Uint8Array): Effect.Effect<unknown, Refusal> =>
  Effect.mapError(Effect.fromResult(decodeJson(bytes)), refuseJson)

export const refuseJson = ({ code, reason }: BadJson): Refusal => {
  switch (code) {
    case "invalid_utf8":
      return refusal("invalid_utf8", "The body holds bytes that are not UTF-8.")
    case "too_deep":
      return refusal("invalid_json", "The body nests deeper than can be read.", {
        errors: [{ path: "", code, message: "must not nest so deep" }]
      })
    case "empty":
      return refusal("invalid_json", "The body is empty; a JSON array of events was expected.")
    case "invalid_json": {
      const where = locate(reason)
      return refusal("invalid_json", `The body is not valid JSON${where}.`, {
        errors: [{ path: "", code, message: `must be valid JSON${where}` }]
      })
    }
  }
}

/** V8 tells the position for some errors and the offending character for the others. */
const locate = (reason: string): string => {
  const position = /at position (\d+)/u.exec(reason)?.[1]
  if (position !== undefined) return `; the first error is at character ${position}`
  const token = /Unexpected token '(.)'/u.exec(reason)?.[1]
  if (token !== undefined) return `; ${JSON.stringify(token)} was not expected`
  return /end of JSON input/u.test(reason) ? "; it ends too early" : ""
}

/** A body that says it is JSON. JSON only: a form or plain text would let any web page post here without a preflight. */
export const readJsonBytes = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const refused = refuseMediaType(request.headers["content-type"], { plainText: false, absent: false })
  if (refused !== undefined) return yield* Effect.fail(refused)
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity"
  if (encoding !== "identity") return yield* Effect.fail(encoded)
  const lease = (yield* Admission).budget.open()
  return yield* Effect.ensuring(readBytes(request, lease), Effect.sync(lease.release))
})

const encoded = refusal(
  "unsupported_encoding",
  "The body must be sent as it is; only batches of events may be compressed.",
  {
    headers: { "accept-encoding": "identity" }
  }
)

export const readJson = (request: HttpServerRequest.HttpServerRequest) =>
  Effect.flatMap(readJsonBytes(request), parseJson)
