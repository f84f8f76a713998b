import { makeProblem, type Problem } from "@millrace/core/wire"
import { type IncomingMessage, type OutgoingHttpHeaders, Server, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { answerClientErrors } from "./clientError.ts"

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

export type TimeLimits = Pick<typeof LIMITS, "headersTimeout" | "requestTimeout" | "connectionsCheckingInterval">

/** A client that does not read its answers is cut off after this. */
const SOCKET_IDLE_MILLIS = 60_000

/** Requests one connection may have under way before it is no longer read. More than one, or a body could never end. */
const PIPELINE_PAUSE = 16
/** Node parses all it has read, paused or not: one piece of 64 KiB can hold a thousand requests. */
const PIPELINE_MAX = 256
/** Over all connections. */
const REQUESTS_MAX = 8_192

export const makeNodeServer = (maxConnections: number, limits: Partial<TimeLimits> = {}): Server => {
  const server = new BoundedServer({ ...LIMITS, ...limits })
  server.maxConnections = maxConnections
  server.timeout = SOCKET_IDLE_MILLIS
  answerClientErrors(server)
  return server
}

/** Node's server hands every request it can parse to its listeners at once; this one bounds how many. */
class BoundedServer extends Server {
  readonly #bySocket = new WeakMap<Socket, number>()
  #requests = 0

  override emit(name: string, ...values: Array<unknown>): boolean {
    if (name !== "request" && name !== "checkContinue") return super.emit(name, ...values)
    const [request, response] = values as [IncomingMessage, ServerResponse]
    if (!hasOneHost(request)) return refuseHosts(request.socket, response)
    return this.#admit(request.socket, response) && super.emit(name, request, response)
  }

  #admit(socket: Socket, response: ServerResponse): boolean {
    if (socket.destroyed || refused.has(socket)) return false
    const open = (this.#bySocket.get(socket) ?? 0) + 1
    if (open > PIPELINE_MAX || this.#requests >= REQUESTS_MAX) {
      refuse(socket, response, OVERLOADED, { "retry-after": "1" })
      return false
    }
    this.#requests++
    this.#bySocket.set(socket, open)
    if (open === PIPELINE_PAUSE) socket.pause()
    response.once("close", () => this.#finished(socket))
    return true
  }

  #finished(socket: Socket): void {
    this.#requests--
    const left = (this.#bySocket.get(socket) ?? 1) - 1
    this.#bySocket.set(socket, left)
    if (left === PIPELINE_PAUSE - 1 && !refused.has(socket)) socket.resume()
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

const refuse = (
  socket: Socket,
  response: ServerResponse,
  problem: Problem,
  headers: OutgoingHttpHeaders = {}
): void => {
  refused.add(socket)
  socket.pause()
  const body = JSON.stringify(problem)
  response.writeHead(problem.status, {
    "content-type": "application/problem+json",
    "content-length": Buffer.byteLength(body),
    connection: "close",
    ...headers
  })
  response.end(body)
}

const refuseHosts = (socket: Socket, response: ServerResponse): false => {
  if (!socket.destroyed && !refused.has(socket)) refuse(socket, response, HOSTS)
  return false
}
