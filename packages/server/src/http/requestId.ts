import type { HttpServerRequest } from "effect/http"

/** A proxy's own id is taken over where it can be nothing but one: whatever else stands there may be a secret. */
const ID = /^(?:[\da-f]{16,32}|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/iu

/** Names the request in every log line, and in the answer to it if that is a problem. */
export const requestIdOf = ({ headers }: HttpServerRequest.HttpServerRequest): string => {
  const given = headers["x-request-id"]
  return given !== undefined && ID.test(given) ? given : crypto.randomUUID()
}
