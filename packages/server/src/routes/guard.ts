import type { KeyScope } from "@millrace/core"
import type { EndpointAccess } from "@millrace/core/wire"
import { Effect } from "effect"
import type { HttpServerRequest, HttpServerResponse } from "effect/http"
import type { Role } from "../adapters/roles.ts"
import { Access, presentedKey } from "../auth/Access.ts"
import { type Caller, CurrentCaller } from "../http/Caller.ts"
import { Admission } from "../http/Admission.ts"
import { pathOf } from "../http/paths.ts"
import { readJsonBytes } from "../http/body.ts"
import { type Refusal, respondRefusal, retryLater } from "../http/Refusal.ts"
import { isForwarded, nameProject, StatsOwner } from "./StatsOwner.ts"

type Request = HttpServerRequest.HttpServerRequest
type Answer<R> = Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal, R>
type Handle<R> = (request: Request) => Answer<R>
type Guarded<R> = Handle<Exclude<R, CurrentCaller> | Access | Admission | Request | StatsOwner>

/** Answers requests to an endpoint as its annotation says: to whom, and in which process. */
export const guard = <R>(access: EndpointAccess, handle: Handle<R>, basePath: string): Guarded<R> => {
  if (access.key === "headers") return askCaller(access, handle, basePath)
  // By its type in the list of handlers, which asks for a caller only where a key in the headers names one.
  const answer = handle as Handle<Exclude<R, CurrentCaller>>
  if (access.role === "ingest") return requireRole(access.role, answer)
  return access.scope === "operator" ? requireAdminInside(answer) : answer
}

const callerOf = (request: Request, scope: KeyScope) =>
  Effect.flatMap(Access, ({ caller }) => caller(presentedKey(request.headers), scope))

/** The scope is asked for before anything else of the request is looked at, also where another process answers. */
const askCaller = <R>(
  { role, scope }: EndpointAccess & { readonly key: "headers" },
  handle: Handle<R>,
  basePath: string
): Guarded<R> =>
  Effect.fnUntraced(function* (request) {
    const caller = yield* callerOf(request, scope)
    const { roles } = yield* Admission
    if (role === "stats" && !roles.includes(role)) return yield* passOn(request, caller, basePath)
    const answer = Effect.provideService(handle(request), CurrentCaller, caller)
    return yield* isForwarded(request) ? nameProjectOf(caller, answer) : answer
  })

/**
 * To another process whatever comes after the key was taken names the project: a refusal that does not is a sign of
 * other keys.
 */
const nameProjectOf = <R>({ project }: Caller, answer: Answer<R>): Answer<R> =>
  answer.pipe(
    Effect.catchTag("Refusal", (refused) => Effect.succeed(respondRefusal(refused))),
    Effect.map(nameProject(project))
  )

/** By asking the process that answers, so that clients need one address. */
const passOn = Effect.fnUntraced(function* (request: Request, { project }: Caller, basePath: string) {
  // One hop: whoever asked has the wrong address.
  if (isForwarded(request)) return yield* Effect.fail(wrongRole("stats"))
  const query = request.url.indexOf("?")
  const search = query === -1 ? "" : request.url.slice(query)
  const body = request.method === "POST" ? yield* readJsonBytes(request) : undefined
  return yield* (yield* StatsOwner).ask({
    method: request.method === "HEAD" ? "GET" : request.method,
    path: pathOf(request.url, basePath),
    search,
    body,
    key: presentedKey(request.headers),
    project
  })
})

/** Only in a process with the role. Elsewhere it is the operator's mistake, so the client keeps what it has and retries. */
const requireRole =
  <R>(role: Role, handle: Handle<R>): Handle<R | Admission> =>
  (request) =>
    Effect.flatMap(Admission, ({ roles }) => (roles.includes(role) ? handle(request) : Effect.fail(wrongRole(role))))

const wrongRole = (role: Role) => retryLater("wrong_role", `This process does not have the role ${role}; ask another.`)

/** A server of its own leaves it to its operator, who keeps the path inside; an application's is where everybody comes. */
const requireAdminInside = <R>(handle: Handle<R>): Handle<R | Access | Admission | Request> =>
  Effect.fnUntraced(function* (request) {
    if ((yield* Admission).mounted) yield* callerOf(request, "admin")
    return yield* handle(request)
  })
