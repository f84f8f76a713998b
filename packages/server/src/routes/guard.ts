import type { KeyScope } from "@millrace/core"
import { Effect } from "effect"
import type { HttpServerRequest, HttpServerResponse } from "effect/http"
import { Access, presentedKey } from "../auth/Access.ts"
import { Gate } from "../http/Gate.ts"
import { readJsonBytes } from "../http/readJson.ts"
import { type Refusal, respondRefusal, retryLater } from "../http/Refusal.ts"
import { isForwarded, nameProject, StatsOwner } from "./StatsOwner.ts"
import type { Role } from "../adapters/roles.ts"

type Request = HttpServerRequest.HttpServerRequest
type Forwards = Access | Gate | Request | StatsOwner
type Handle<R> = (request: Request) => Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal, R>

/** Only in a process with the role. Elsewhere it is the operator's mistake, so the client keeps what it has and retries. */
export const only =
  <R>(role: Role, handle: Handle<R>): Handle<R | Gate> =>
  (request) =>
    Effect.flatMap(Gate, ({ roles }) => (roles.includes(role) ? handle(request) : Effect.fail(wrongRole(role))))

const wrongRole = (role: Role) => retryLater("wrong_role", `This process does not have the role ${role}; ask another.`)

/** In the process with the role `stats`, or by asking it, so that clients need one address. */
export const atOwner = <R>(
  path: string | ((request: Request) => string),
  handle: Handle<R>,
  scope: KeyScope = "read"
): Handle<R | Forwards> =>
  Effect.fnUntraced(function* (request) {
    const { roles } = yield* Gate
    if (roles.includes("stats")) return yield* answer(handle, request, scope)
    return yield* forward(typeof path === "string" ? path : path(request), request, scope)
  })

/** The request's own path, for one with parameters: below the contract's first segment, wherever the API is mounted. */
export const pathFrom =
  (first: string) =>
  ({ url }: Request): string => {
    const [path = ""] = url.split("?")
    return path.slice(path.lastIndexOf(first))
  }

const projectOf = (request: Request, scope: KeyScope) =>
  Effect.flatMap(Access, ({ project }) => project(presentedKey(request.headers), scope))

/** To another process whatever comes after the key was taken names the project: a refusal that does not is a sign of other keys. */
const answer = <R>(handle: Handle<R>, request: Request, scope: KeyScope) =>
  isForwarded(request)
    ? Effect.flatMap(projectOf(request, scope), (project) =>
        handle(request).pipe(
          Effect.catchTag("Refusal", (refused) => Effect.succeed(respondRefusal(refused))),
          Effect.map(nameProject(project))
        )
      )
    : handle(request)

const forward = Effect.fnUntraced(function* (path: string, request: Request, scope: KeyScope) {
  const project = yield* projectOf(request, scope)
  // One hop: whoever asked has the wrong address.
  if (isForwarded(request)) return yield* Effect.fail(wrongRole("stats"))
  const query = request.url.indexOf("?")
  const search = query === -1 ? "" : request.url.slice(query)
  const body = request.method === "POST" ? yield* readJsonBytes(request) : undefined
  return yield* (yield* StatsOwner).ask({
    method: request.method === "HEAD" ? "GET" : request.method,
    path,
    search,
    body,
    key: presentedKey(request.headers),
    project
  })
})
