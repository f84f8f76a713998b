import type { ApiKey, KeyScope } from "@millrace/core"
import { Context, Effect, Option } from "effect"
import { type Headers, HttpServerRequest } from "effect/http"
import type { KeyRing } from "../keys/KeyRing.ts"
import { type Refusal, refusal, retryLater } from "./Refusal.ts"

/** The project of every request when the server runs without keys. */
export const DEFAULT_PROJECT = "default"

/** Whose request it is. */
export interface Caller {
  readonly project: string
  /** Of the key, without showing it: whose quota a request counts against. */
  readonly id: string
}

type Request = HttpServerRequest.HttpServerRequest

/** Decides whose project a request is about, and whether it may do what it asks. */
export class Access extends Context.Service<
  Access,
  {
    readonly keyed: () => boolean
    /** `key`: as presented, `undefined` when the request shows none. */
    readonly caller: (key: string | undefined, scope: KeyScope) => Effect.Effect<Caller, Refusal, Request>
    /** By a key in a request's body: a page shows it to everyone, so it must be a write key and nothing more. */
    readonly callerOfBody: (key: string | undefined) => Effect.Effect<Caller, Refusal, Request>
    /** The caller's project. */
    readonly project: (key: string | undefined, scope: KeyScope) => Effect.Effect<string, Refusal, Request>
  }
>()("@millrace/server/Access") {}

const everyone: Caller = { project: DEFAULT_PROJECT, id: DEFAULT_PROJECT }

/** Without any key everyone may do everything, in one project. */
export const makeAccess = (ring: KeyRing): Access["Service"] => {
  const caller: Access["Service"]["caller"] = (key, scope) =>
    ring.keyed() ? checkKey(ring, key, scope) : Effect.succeed(everyone)
  return {
    keyed: ring.keyed,
    caller,
    callerOfBody: (key) => (ring.keyed() ? checkKey(ring, key, "write", refuseMore) : Effect.succeed(everyone)),
    project: (key, scope) => Effect.map(caller(key, scope), ({ project }) => project)
  }
}

/** `Authorization: Bearer`, `Basic` with the key as user name and no password, or `x-api-key`. */
export const presentedKey = (headers: Headers.Headers): string | undefined => {
  const [, scheme, credentials] = /^(Bearer|Basic) +(\S+) *$/iu.exec(headers["authorization"] ?? "") ?? []
  if (scheme === undefined || credentials === undefined) return headers["x-api-key"]
  return scheme.toLowerCase() === "bearer" ? credentials : userOf(credentials)
}

const userOf = (basic: string): string | undefined =>
  /^([^:]+):?$/u.exec(Buffer.from(basic, "base64").toString("latin1"))?.[1]

const CHALLENGE = { headers: { "www-authenticate": 'Bearer realm="millrace"' } }
const missing = refusal(
  "unauthenticated",
  "Send an API key as Authorization: Bearer or Basic, or as x-api-key.",
  CHALLENGE
)
const unknown = refusal("unauthenticated", "This API key is not known.", CHALLENGE)

const checkKey = Effect.fnUntraced(function* (
  ring: KeyRing,
  key: string | undefined,
  scope: KeyScope,
  refuse: (key: ApiKey, scope: KeyScope) => Refusal | undefined = refuseScope
) {
  if (key === undefined || key === "") return yield* Effect.fail(missing)
  const found = yield* Effect.mapError(ring.find(key), () =>
    retryLater("keys_unavailable", "API keys cannot be checked at the moment.")
  )
  if (Option.isNone(found)) return yield* Effect.fail(unknown)
  const refused = refuse(found.value, scope) ?? refuseOrigin(found.value, yield* HttpServerRequest.HttpServerRequest)
  if (refused !== undefined) return yield* Effect.fail(refused)
  const { prefix, project_id, scope: granted } = found.value
  const caller: Caller = { project: project_id, id: `${project_id}/${granted}/${prefix}` }
  return caller
})

const refuseScope = (key: ApiKey, scope: KeyScope): Refusal | undefined =>
  key.scope === scope || key.scope === "admin"
    ? undefined
    : refusal("wrong_scope", `This key is a ${key.scope} key; this needs a key of scope ${scope}.`)

/** An admin key in a page is a key that everyone has: refused before it is in use. */
const refuseMore = (key: ApiKey, scope: KeyScope): Refusal | undefined =>
  key.scope === scope
    ? undefined
    : refusal("wrong_scope", `A key in the body must be a ${scope} key; this is one of scope ${key.scope}.`)

/** Browsers name the page's origin with every POST, and with a GET to elsewhere; a GET without one is a page of ours. */
const refuseOrigin = ({ origins }: ApiKey, { headers, method }: Request): Refusal | undefined => {
  if (origins.length === 0) return undefined
  const { origin } = headers
  const allowed = origin === undefined ? method === "GET" || method === "HEAD" : origins.includes(origin)
  return allowed ? undefined : refusal("origin_not_allowed", "This key is for pages of other origins.")
}
