import type { EndpointAccess } from "@millrace/core/wire"
import type { Headers } from "effect/http"
import type { Admission } from "./Admission.ts"
import { isLoopbackName, nameOfOrigin } from "./loopback.ts"

const EXPOSED = "millrace-durability, retry-after"

/**
 * What pages of other origins may read, by the endpoint's annotation; never with credentials. Readers are the pages of the
 * configured origins, and without keys those served from this machine.
 */
export const corsHeaders = (
  { pages }: EndpointAccess,
  headers: Headers.Headers,
  { loopbackReaders, readers }: Pick<Admission["Service"], "readers" | "loopbackReaders">
): Record<string, string> => {
  const { origin } = headers
  if (pages === "none") return {}
  if (pages === "all") {
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
