import { Context, type Schema } from "effect"
import { type HttpApiEndpoint, HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import type { KeyScope } from "../port/KeyStore.ts"
import { problemOf } from "./Problem.ts"

/**
 * Declares how keys and access tokens are presented; the server checks them itself, since a beacon's key lies in the
 * body.
 */
export class ApiKeySecurity extends HttpApiMiddleware.Service<ApiKeySecurity>()("@millrace/core/wire/ApiKeySecurity", {
  security: {
    bearer: HttpApiSecurity.bearer,
    header: HttpApiSecurity.apiKey({ key: "x-api-key", in: "header" })
  },
  error: [problemOf(401), problemOf(403)]
}) {}

/** Who may call an endpoint, which process answers it, and what pages of other origins may do with it. */
export type EndpointAccess = Asks & {
  /** Pages of other origins that may read the answer. `readers`: those that the operator has named. */
  readonly pages: "all" | "readers" | "none"
  /** Whether another site's page may cause a request at all where no key decides: only what holds nothing of anybody. */
  readonly crossSite: "answered" | "refused"
}

/**
 * What a request must show, and the role of the process that answers it: without `stats` a process passes it on to one that
 * has it, without `ingest` it refuses. `scope` is what a key, an account's role or the program around must grant, and
 * `admin` grants every scope; `operator`: nobody is asked on a server of its own, whose operator keeps the path inside; in
 * another program's server, an admin. A key in a body is a write key and nothing more, since a page shows it to everyone.
 */
type Asks =
  | { readonly scope: KeyScope; readonly key: "headers"; readonly role: "stats" | "any" }
  | { readonly scope: "write"; readonly key: "headers or body"; readonly role: "ingest" }
  | { readonly scope: "operator" | "none"; readonly key: "none"; readonly role: "any" }

/** Annotation of every endpoint of the contract. */
export class Access extends Context.Service<Access, EndpointAccess>()("@millrace/core/wire/Access") {}

/** Access of an endpoint, by its annotations. One that has none must not be served: it throws. */
export const accessOf = ({
  annotations,
  identifier
}: Pick<HttpApiEndpoint.Top, "annotations" | "identifier">): EndpointAccess => {
  const access = Context.getOrUndefined(annotations, Access)
  if (access === undefined) throw new TypeError(`the endpoint ${identifier} says nothing of who may call it`)
  return access
}

/** Asks for nothing, or leaves it to the operator; the process that was asked answers. */
export const open = (rule: Pick<EndpointAccess, "pages" | "crossSite"> & { readonly scope: "operator" | "none" }) =>
  Context.make(Access, { ...rule, key: "none", role: "any" })

/** Asks for a key or a session; the document names the scope beside each way to present one. */
export const guarded =
  (access: EndpointAccess & { readonly scope: KeyScope }) =>
  <
    Identifier extends string,
    Method extends HttpApiEndpoint.Top["method"],
    Path extends string,
    Params extends Schema.Top,
    Query extends Schema.Top,
    Payload extends Schema.Top,
    Headers extends Schema.Top,
    Success extends Schema.Top,
    Error extends Schema.Top,
    Middleware,
    Services
  >(
    endpoint: HttpApiEndpoint.HttpApiEndpoint<
      Identifier,
      Method,
      Path,
      Params,
      Query,
      Payload,
      Headers,
      Success,
      Error,
      Middleware,
      Services
    >
  ) =>
    endpoint
      .middleware(ApiKeySecurity)
      .annotate(Access, access)
      .annotate(OpenApi.Override, { security: [{ bearer: [access.scope] }, { header: [access.scope] }] })

/** Statistics: for keys that read, and for pages that the operator has named. */
export const forReaders = guarded({
  scope: "read",
  key: "headers",
  role: "stats",
  pages: "readers",
  crossSite: "refused"
})

/** What changes or shows more than numbers: for admins, and for no page but the server's own. */
export const forAdmins = guarded({
  scope: "admin",
  key: "headers",
  role: "stats",
  pages: "none",
  crossSite: "refused"
})
