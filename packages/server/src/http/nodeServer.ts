import { type IncomingMessage, type OutgoingHttpHeaders, Server, type ServerResponse, STATUS_CODES } from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { makeProblem, type Problem } from "@millrace/core/wire"
import type { Ended } from "./Ended.ts"

/** Node's own bounds: slow clients are cut off, idle connections do not delay closing. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 16 * 1024,
  // Ours says it in a problem: see `hasOneHost`.
  requireHostHeader: false
}

const OWN_LIMITS = {
  /** A client that does not read its answers is cut off after this. */
  socketIdleMillis: 60_000,
  /** Whatever has not been answered by then is answered here: longer than everything within a request may take. */
  answerWithinMillis: 120_000
}

export type TimeLimits = Pick<typeof LIMITS, "headersTimeout" | "requestTimeout" | "connectionsCheckingInterval"> &
  typeof OWN_LIMITS

interface NodeServerOptions {
  readonly maxConnections: number
  readonly limits?: Partial<TimeLimits> | undefined
  /** For the log. */
  readonly onEnded?: (ended: Ended) => void
}

export const makeNodeServer = ({ limits, maxConnections, onEnded = () => {} }: NodeServerOptions): Server => {
  const { answerWithinMillis, socketIdleMillis, ...ofNode } = { ...LIMITS, ...OWN_LIMITS, ...limits }
  const server = new BoundedServer(ofNode, onEnded, answerWithinMillis)
  server.maxConnections = maxConnections
  server.timeout = socketIdleMillis
  answerClientErrors(server, { isAnswering: server.isAnswering, onEnded })
  return server
}

/** Requests one connection may have under way before it is no longer read. More than one, or a body could never end. */
const PIPELINE_PAUSE = 16
/** Node parses all it has read, paused or not: one piece of 64 KiB can hold a thousand requests. */
const PIPELINE_MAX = 256
/** Over all connections. */
const REQUESTS_MAX = 8_192

/** Node's server hands every request it can parse to its listeners at once; this one bounds how many, and for how long. */
class BoundedServer extends Server {
  readonly #open = new OpenRequests()
  readonly #onEnded: (ended: Ended) => void
  readonly #answerWithinMillis: number

  constructor(limits: typeof LIMITS, onEnded: (ended: Ended) => void, answerWithinMillis: number) {
    super(limits)
    this.#onEnded = onEnded
    this.#answerWithinMillis = answerWithinMillis
    const everyMillis = Math.min(limits.connectionsCheckingInterval, answerWithinMillis)
    const sweep = setInterval(() => this.#answerLate(), everyMillis).unref()
    this.once("close", () => clearInterval(sweep))
    // With a listener Node leaves the connection to it.
    this.on("timeout", (socket: Socket) => this.#idle(socket))
  }

  /** Part of an answer is written: nothing else may come in between. */
  readonly isAnswering = (socket: Socket): boolean => this.#open.of(socket).some(({ headersSent }) => headersSent)

  override emit(name: string, ...values: Array<unknown>): boolean {
    if (name !== "request" && name !== "checkContinue") return super.emit(name, ...values)
    const [request, response] = values as [IncomingMessage, ServerResponse]
    if (!hasOneHost(request)) return this.#refuseHosts(request.socket, response)
    return this.#admit(request.socket, response) && super.emit(name, request, response)
  }

  #admit(socket: Socket, response: ServerResponse): boolean {
    if (socket.destroyed || refused.has(socket)) return false
    const open = this.#open.of(socket).length + 1
    if (open > PIPELINE_MAX || this.#open.count >= REQUESTS_MAX) {
      this.#refuse(socket, response, OVERLOADED)
      return false
    }
    this.#open.add(socket, response)
    if (open === PIPELINE_PAUSE) socket.pause()
    response.once("close", () => this.#finished(socket, response))
    return true
  }

  #finished(socket: Socket, response: ServerResponse): void {
    this.#open.remove(socket, response)
    if (this.#open.of(socket).length === PIPELINE_PAUSE - 1 && !refused.has(socket)) socket.resume()
  }

  /** Quiet, since we are at work; or since the client does not read, or asks nothing more. */
  #idle(socket: Socket): void {
    const isAtWork = this.#open.of(socket).length > 0
    if (isAtWork && socket.writableLength === 0) return void socket.setTimeout(this.timeout)
    if (isAtWork) this.#note(undefined, "a client did not read its answer")
    socket.destroy()
  }

  #answerLate(): void {
    for (const { response, socket } of this.#open.olderThan(this.#answerWithinMillis)) {
      if (!response.headersSent && !response.writableEnded) this.#refuse(socket, response, LATE)
    }
  }

  #refuseHosts(socket: Socket, response: ServerResponse): false {
    if (!socket.destroyed && !refused.has(socket)) this.#refuse(socket, response, HOSTS)
    return false
  }

  #refuse(socket: Socket, response: ServerResponse, problem: Problem): void {
    refused.add(socket)
    socket.pause()
    const body = JSON.stringify(problem)
    const headers: OutgoingHttpHeaders = problem.status === 503 ? { "retry-after": "1" } : {}
    response.writeHead(problem.status, {
      "content-type": "application/problem+json",
      "content-length": Buffer.byteLength(body),
      connection: "close",
      "x-request-id": this.#note(problem, problem.detail),
      ...headers
    })
    response.end(body)
  }

  #note(problem: Problem | undefined, reason: string): string {
    const request_id = crypto.randomUUID()
    this.#onEnded({ problem, reason, request_id })
    return request_id
  }
}

/** RFC 9112 §3.2: of two hosts a proxy in front may have gone by the other one. */
const hasOneHost = ({ httpVersion, rawHeaders }: IncomingMessage): boolean => {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (name.length === 4 && name.toLowerCase() === "host") hosts++
  }
  return hosts === 1 || (hosts === 0 && httpVersion === "1.0")
}

/** Connections whose last answer is a refusal; what else they sent is dropped. */
const refused = new WeakSet<Socket>()

const OVERLOADED = makeProblem("overloaded", "Too many requests are under way.")
const HOSTS = makeProblem("bad_request", "A request names its host, once.")
const LATE = makeProblem(
  "answer_overdue",
  "The server did not come to an answer in time. Whether the request was carried out is unknown; events keep their ids, so send them again."
)

interface Answering {
  readonly isAnswering: (socket: Socket) => boolean
  readonly onEnded: (ended: Ended) => void
}

/** What Node could not even parse, or that took too long, gets a problem too; then the connection ends. */
const answerClientErrors = (server: Server, { isAnswering, onEnded }: Answering): void => {
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === "ECONNRESET" || !socket.writable) return socket.destroy()
    const problem = describe(error.code)
    const request_id = crypto.randomUUID()
    // In the middle of another answer it would be taken for a part of that: what breaks off, breaks visibly.
    const cuts = isAnswering(socket as Socket)
    onEnded({ problem: cuts ? undefined : problem, reason: problem.detail, request_id })
    if (cuts) return socket.destroy()
    const body = JSON.stringify(problem)
    // A peer that does not read must not keep the connection.
    setTimeout(() => socket.destroy(), LINGER_MILLIS).unref()
    socket.end(
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: application/problem+json\r\nconnection: close\r\n` +
        `x-request-id: ${request_id}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
    )
  })
}

const LINGER_MILLIS = 1_000

const describe = (code: string | undefined): Problem => {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return makeProblem("request_timeout", "The request did not arrive in time.")
    case "HPE_HEADER_OVERFLOW":
      return makeProblem("headers_too_large", "The request's headers are too large.")
    default:
      return makeProblem("bad_request", "This is not an HTTP/1.1 request.")
  }
}

interface OpenRequest {
  readonly socket: Socket
  readonly response: ServerResponse
  readonly sinceMillis: number
}

const NONE: ReadonlyArray<ServerResponse> = []

/** The requests under way, oldest first, and those of each connection. */
class OpenRequests {
  readonly #all = new Map<ServerResponse, OpenRequest>()
  readonly #bySocket = new WeakMap<Socket, Array<ServerResponse>>()

  get count(): number {
    return this.#all.size
  }

  of(socket: Socket): ReadonlyArray<ServerResponse> {
    return this.#bySocket.get(socket) ?? NONE
  }

  add(socket: Socket, response: ServerResponse): void {
    this.#all.set(response, { socket, response, sinceMillis: performance.now() })
    const own = this.#bySocket.get(socket)
    if (own === undefined) this.#bySocket.set(socket, [response])
    else own.push(response)
  }

  remove(socket: Socket, response: ServerResponse): void {
    this.#all.delete(response)
    const own = this.#bySocket.get(socket)
    const at = own?.indexOf(response) ?? -1
    if (at !== -1) own!.splice(at, 1)
  }

  olderThan(millis: number): ReadonlyArray<OpenRequest> {
    const before = performance.now() - millis
    const found: Array<OpenRequest> = []
    for (const request of this.#all.values()) {
      if (request.sinceMillis > before) break
      found.push(request)
    }
    return found
  }
}
