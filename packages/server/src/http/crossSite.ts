import type { EndpointAccess } from "@millrace/core/wire"
import type { HttpServerRequest } from "effect/http"
import type { Admission } from "./Admission.ts"
import { isLoopbackName, nameOfOrigin } from "./loopback.ts"
import { type Refusal, refusal } from "./Refusal.ts"

type Pages = Pick<Admission["Service"], "readers" | "loopbackReaders" | "loopbackNamesOnly">

/**
 * Where no key decides, a browser may be sent here by any page it shows, and lends it this machine's address or a cookie.
 * Not reading the answer is not enough: a question costs time, and a request without a preflight has its effect all the same.
 */
export const refuseCrossSite = (
  access: EndpointAccess,
  request: HttpServerRequest.HttpServerRequest,
  pages: Pages
): Refusal | undefined => {
  if (access.crossSite === "answered") return undefined
  const site = request.headers["sec-fetch-site"]
  const { origin } = request.headers
  const allowed = origin === undefined ? isOwnSite(site, pages) : isOwnPage(origin, site, access, request, pages)
  return allowed ? undefined : notAllowed
}

/** Programs say nothing; a person who typed the address is none. */
const isOwnSite = (site: string | undefined, { loopbackReaders }: Pages): boolean =>
  site === undefined || site === "same-origin" || site === "none" || (site === "same-site" && loopbackReaders)

const isOwnPage = (
  origin: string,
  site: string | undefined,
  access: EndpointAccess,
  request: HttpServerRequest.HttpServerRequest,
  { loopbackNamesOnly, loopbackReaders, readers }: Pages
): boolean => {
  if (hostOf(origin) === request.headers["host"]?.toLowerCase()) return true
  const isLoopback = isLoopbackName(nameOfOrigin(origin))
  // What the browser says holds behind a proxy that renames the host, but not for a name that was bound to this machine.
  if (site === "same-origin" && (isLoopback || !loopbackNamesOnly)) return true
  return access.pages !== "none" && (readers.has(origin) || (loopbackReaders && isLoopback))
}

const hostOf = (origin: string): string | undefined => (URL.canParse(origin) ? new URL(origin).host : undefined)

const notAllowed = refusal(
  "origin_not_allowed",
  "Pages of other origins may send events here, and nothing else; name those that may read, or use API keys."
)
