import { makeProblem, type Problem } from "@millrace/core/wire"
import { type Server, STATUS_CODES } from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import type { Ended } from "./Ended.ts"

interface Answering {
  readonly isAnswering: (socket: Socket) => boolean
  readonly onEnded: (ended: Ended) => void
}

/** What Node could not even parse, or that took too long, gets a problem too; then the connection ends. */
export const answerClientErrors = (server: Server, { isAnswering, onEnded }: Answering): void => {
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
