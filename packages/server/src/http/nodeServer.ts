import { makeProblem } from "@millrace/core/wire"
import { type IncomingMessage, Server, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { answerClientErrors } from "./clientError.ts"

/** Node's own bounds: slow clients are cut off, idle connections do not delay closing. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 16 * 1024
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
    return this.#admit(request.socket, response) && super.emit(name, request, response)
  }

  #admit(socket: Socket, response: ServerResponse): boolean {
    if (socket.destroyed || refused.has(socket)) return false
    const open = (this.#bySocket.get(socket) ?? 0) + 1
    if (open > PIPELINE_MAX || this.#requests >= REQUESTS_MAX) {
      refuse(socket, response)
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

/** Connections whose last answer is a refusal; what else they sent is dropped. */
const refused = new WeakSet<Socket>()

const OVERLOADED = JSON.stringify(makeProblem("overloaded", "Too many requests are under way."))

const refuse = (socket: Socket, response: ServerResponse): void => {
  refused.add(socket)
  socket.pause()
  response.writeHead(503, {
    "content-type": "application/problem+json",
    "content-length": Buffer.byteLength(OVERLOADED),
    "retry-after": "1",
    connection: "close"
  })
  response.end(OVERLOADED)
}
