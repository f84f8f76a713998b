import { IncomingMessage } from "node:http"
import type { EndpointAccess } from "@millrace/core/wire"
import { Schema, SchemaTransformation } from "effect"
import type { Headers, HttpServerRequest } from "effect/http"
import type { Admission } from "./Admission.ts"
import { type Refusal, refusal } from "./Refusal.ts"

/** Origin of a page, as a browser names it: `https://shop.example`, `http://localhost:3000`. */
export const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text

const Origins = Schema.Array(
  Schema.String.check(Schema.makeFilter((text) => isOrigin(text) || "a web origin like https://dashboard.example"))
)

/** `https://a.example,https://b.example:8443` */
export const OriginsText = Schema.String.pipe(
  Schema.decodeTo(
    Origins,
    SchemaTransformation.transform<typeof Origins.Encoded, string>({
      decode: (text) => text.split(",").map((part) => part.trim()),
      encode: (origins) => origins.join(",")
    })
  )
)

/** `127.0.0.0/8`, `::1`, `localhost` and the names under it, which browsers keep on this machine; as a URL has them. */
export const isLoopbackName = (name: string): boolean => {
  const host = name.toLowerCase().replace(/^\[(.*)\]$/u, "$1")
  return LOCALHOST.test(host) || LOOPBACK_4.test(host) || LOOPBACK_6.has(host)
}

/** The dot at its end says that the name is whole. */
const LOCALHOST = /^(?:[a-z0-9-]+\.)*localhost\.?$/u
const LOOPBACK_4 = /^127(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|\d{1,2})){3}\.?$/u
/** The last is 127.0.0.1 as URLs write it. */
const LOOPBACK_6 = new Set(["::1", "::ffff:127.0.0.1", "::ffff:7f00:1"])

/** RFC 9110 §7.2, without what no browser sends there: a name or an address, and a port. */
const HOST = /^(?<name>\[[\da-f:.]+\]|[\da-z.-]+)(?::\d*)?$/iu

/** The name in a `Host` header, without the port; empty where that is none. */
const nameOfHost = (host: string): string => {
  const name = HOST.exec(host)?.groups?.["name"] ?? ""
  // IPv6 has many spellings.
  return name.startsWith("[") ? hostnameOf(`http://${name}`) : name
}

const nameOfOrigin = (origin: string): string => hostnameOf(origin)

const hostnameOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : "")

/**
 * Without keys, what a request says that it is addressed to must be this machine: a page whose name was bound to our address
 * (DNS rebinding) reads and writes as though it were ours. Of an absolute target that is its host, and `Host` as well.
 */
export const refuseHost = ({ headers, source }: HttpServerRequest.HttpServerRequest): Refusal | undefined => {
  const given = source instanceof IncomingMessage ? source.headers.host : undefined
  const named = [headers["host"], given ?? headers["host"]]
  return named.every((host) => host !== undefined && isLoopbackName(nameOfHost(host))) ? undefined : hostNotAllowed
}

const hostNotAllowed = refusal(
  "host_not_allowed",
  "Without API keys this server answers only as localhost; configure keys for other names."
)

type Pages = Pick<Admission["Service"], "readers" | "loopbackReaders" | "loopbackNamesOnly">

/**
 * Where no key decides, a browser may be sent here by any page it shows, and lends it this machine's address or a cookie.
 * Not reading the answer is not enough: a question costs time, and a request without a preflight has its effect all the
 * same.
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
  return allowed ? undefined : originNotAllowed
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

const originNotAllowed = refusal(
  "origin_not_allowed",
  "Pages of other origins may send events here, and nothing else; name those that may read, or use API keys."
)

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
