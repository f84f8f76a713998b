import type { ApiKey, KeyScope } from "@millrace/core"
import { Context, Effect, Option } from "effect"
import { type Headers, HttpServerRequest } from "effect/http"
import { askProgram, type Authorize } from "./authorize.ts"
import type { Bearer } from "./bearers.ts"
import type { Sessions } from "./Sessions.ts"
import { looksSigned } from "./verifyJws.ts"
import type { KeyCache } from "../keys/KeyCache.ts"
import { type Caller, DEFAULT_PROJECT } from "../http/Caller.ts"
import { because, CHALLENGE, type Refusal, refusal, retryLater } from "../http/Refusal.ts"

type Request = HttpServerRequest.HttpServerRequest

/** Decides whose project a request is about, and whether it may do what it asks. */
export class Access extends Context.Service<
  Access,
  {
    readonly keyed: () => boolean
    /** `key`: an API key or a session's access token as presented, `undefined` when the request shows none. */
    readonly caller: (key: string | undefined, scope: KeyScope) => Effect.Effect<Caller, Refusal, Request>
    /** By a key in a request's body: a page shows it to everyone, so it must be a write key and nothing more. */
    readonly callerOfBody: (key: string | undefined) => Effect.Effect<Caller, Refusal, Request>
  }
>()("@millrace/server/Access") {}

const everyone: Caller = { project: DEFAULT_PROJECT, id: DEFAULT_PROJECT }

/** Which of their projects the request of a person is about; a key has but one. */
export const PROJECT_HEADER = "millrace-project"

/**
 * Without any key or account, and where no program decides, everyone may do everything, in one project. A key that is known
 * decides before the program does, which may have credentials of its own in the same header.
 */
export const makeAccess = (
  keyCache: KeyCache,
  sessions: Sessions["Service"],
  authorize?: Authorize
): Access["Service"] => {
  const keyed = () => keyCache.keyed() || sessions.guards()
  const askedOf = (ask: Authorize, scope: KeyScope) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => askProgram(ask, request, scope))
  const checkOrAsk = Effect.fnUntraced(function* (ask: Authorize, key: string | undefined, scope: KeyScope) {
    const found = key === undefined || key === "" ? Option.none() : yield* findKey(keyCache, key)
    return yield* Option.isSome(found) ? checkKey(found.value, scope, refuseScope) : askedOf(ask, scope)
  })
  const check = Effect.fnUntraced(function* (key: string | undefined, scope: KeyScope) {
    if (key === undefined || key === "") return yield* Effect.fail(missing)
    const found = yield* findKey(keyCache, key)
    if (Option.isSome(found)) return yield* checkKey(found.value, scope, refuseScope)
    const request = yield* HttpServerRequest.HttpServerRequest
    if (!isBearerToken(request, key)) return yield* Effect.fail(unknown)
    const bearer = yield* sessions.bearer(key)
    if (Option.isNone(bearer)) return yield* Effect.fail(noSession)
    return yield* checkBearer(bearer.value, scope, request.headers[PROJECT_HEADER])
  })
  const caller: Access["Service"]["caller"] = (key, scope) => {
    if (authorize !== undefined) return checkOrAsk(authorize, key, scope)
    return keyed() ? check(key, scope) : Effect.succeed(everyone)
  }
  return {
    keyed,
    caller,
    callerOfBody: Effect.fnUntraced(function* (key) {
      if (authorize === undefined && !keyed()) return everyone
      if (authorize !== undefined && (key === undefined || key === "")) return yield* askedOf(authorize, "write")
      if (key === undefined || key === "") return yield* Effect.fail(missing)
      const found = yield* findKey(keyCache, key)
      if (Option.isSome(found)) return yield* checkKey(found.value, "write", refuseMore)
      return yield* authorize === undefined ? Effect.fail(unknown) : askedOf(authorize, "write")
    })
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

const missing = refusal(
  "unauthenticated",
  "Send an API key as Authorization: Bearer or Basic, or as x-api-key; or a session's access token as Bearer.",
  CHALLENGE
)
const unknown = refusal("unauthenticated", "This API key is not known.", CHALLENGE)
const noSession = refusal("unauthenticated", "This access token is not valid, or its session has ended.", CHALLENGE)

const findKey = (keyCache: KeyCache, key: string) =>
  Effect.mapError(keyCache.find(key), (error) => because(keysAway, error))

const keysAway = retryLater("keys_unavailable", "API keys cannot be checked at the moment.")

/** In `Authorization: Bearer` alone, where it belongs. */
const isBearerToken = ({ headers }: Request, key: string): boolean =>
  looksSigned(key) && /^Bearer /iu.test(headers["authorization"] ?? "")

const checkKey = Effect.fnUntraced(function* (
  key: ApiKey,
  scope: KeyScope,
  refuse: (key: ApiKey, scope: KeyScope) => Refusal | undefined
) {
  const refused = refuse(key, scope) ?? refuseOrigin(key, yield* HttpServerRequest.HttpServerRequest)
  if (refused !== undefined) return yield* Effect.fail(refused)
  const { prefix, project_id, scope: granted } = key
  const caller: Caller = { project: project_id, id: `${project_id}/${granted}/${prefix}` }
  return caller
})

/** What a role may do is what a key of this scope may. */
const SCOPE_OF = { viewer: "read", admin: "admin" } as const

/** Nothing tells a project that is not theirs from one that is not there. */
const checkBearer = (
  { grants, id }: Bearer,
  scope: KeyScope,
  named: string | undefined
): Effect.Effect<Caller, Refusal> => {
  const [first, ...others] = grants
  if (named === undefined && others.length > 0) return Effect.fail(projectRequired)
  const grant = named === undefined ? first : grants.find(({ project_id }) => project_id === named)
  if (grant === undefined) return Effect.fail(noRole)
  const granted = SCOPE_OF[grant.role]
  if (granted !== scope && granted !== "admin") {
    return Effect.fail(refusal("wrong_scope", `A ${grant.role} of the project may not do this; it needs an admin.`))
  }
  return Effect.succeed({ project: grant.project_id, id: `${grant.project_id}/user/${id}` })
}

const noRole = refusal("wrong_scope", "This account has no role in that project.")
const projectRequired = refusal(
  "project_required",
  `This account has several projects: name one in the header ${PROJECT_HEADER}.`
)

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
