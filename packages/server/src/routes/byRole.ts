import { Effect } from "effect"
import type { HttpServerRequest, HttpServerResponse } from "effect/http"
import { Gate } from "../http/Gate.ts"
import { type Refusal, retryLater } from "../http/Refusal.ts"
import type { Role } from "../roles.ts"

type Handle<R> = (
  request: HttpServerRequest.HttpServerRequest
) => Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal, R>

/** Only in a process with the role. Elsewhere it is the operator's mistake, so the client keeps what it has and retries. */
export const only =
  <R>(role: Role, handle: Handle<R>): Handle<R | Gate> =>
  (request) =>
    Effect.flatMap(Gate, ({ roles }) => (roles.includes(role) ? handle(request) : Effect.fail(wrongRole(role))))

const wrongRole = (role: Role) => retryLater("wrong_role", `This process does not have the role ${role}; ask another.`)
