import { makeProblem, type Problem } from "@millrace/core/wire"
import { type Server, STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"

/** What Node could not even parse, or that took too long, gets a problem too; then the connection ends. */
export const answerClientErrors = (server: Server): void => {
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === "ECONNRESET" || !socket.writable) return socket.destroy()
    const problem = describe(error.code)
    const body = JSON.stringify(problem)
    // A peer that does not read must not keep the connection.
    setTimeout(() => socket.destroy(), LINGER_MILLIS).unref()
    socket.end(
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: application/problem+json\r\nconnection: close\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
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
