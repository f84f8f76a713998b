import type { Headers } from "effect/http"
import type { Gate } from "./Gate.ts"
import { isLoopbackName, nameOfOrigin } from "./loopback.ts"

/** Anyone's page may send events. */
export const INGEST_PATH = "/events"
/** Machine endpoints for browsers on other origins to stay out of. */
const CLOSED = new Set([
  "/dead-letters",
  "/dead-letters/replay",
  "/dead-letters/purge",
  "/users/:id",
  "/users/:id/events",
  "/backups",
  "/jobs/:id",
  "/metrics",
  "/docs"
])

/** Whatever its origin, a page of another one reads nothing there. */
export const isClosedToPages = (route: string): boolean => CLOSED.has(route)

const EXPOSED = "millrace-durability, retry-after"

/**
 * Anyone's page may send events, since that is what a client SDK does; never with credentials. Reading, and logging in for
 * it, is for pages of the configured origins, and without keys for those served from this machine.
 */
export const corsHeaders = (
  route: string,
  headers: Headers.Headers,
  { loopbackReaders, readers }: Pick<Gate["Service"], "readers" | "loopbackReaders">
): Record<string, string> => {
  const { origin } = headers
  if (CLOSED.has(route)) return {}
  if (route === INGEST_PATH) {
    return origin === undefined ? {} : { "access-control-allow-origin": "*", "access-control-expose-headers": EXPOSED }
  }
  if (origin === undefined) return { vary: "origin" }
  return readers.has(origin) || (loopbackReaders && isLoopbackName(nameOfOrigin(origin)))
    ? { "access-control-allow-origin": origin, "access-control-expose-headers": EXPOSED, vary: "origin" }
    : { vary: "origin" }
}

export const preflightHeaders = (allow: string): Record<string, string> => ({
  allow,
  "access-control-allow-methods": allow,
  "access-control-allow-headers": "authorization, content-type, content-encoding, millrace-project, x-api-key",
  "access-control-max-age": "7200"
})
