import { Effect } from "effect"
import { HttpRouter, type HttpServerRequest } from "effect/http"
import { Access, presentedKey } from "../auth/Access.ts"
import { Gate } from "../http/Gate.ts"

/** `GET /jobs/:id` */
export const answerOfJob = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const project = yield* (yield* Access).project(presentedKey(request.headers), "admin")
  const { id = "" } = yield* HttpRouter.params
  return yield* (yield* Gate).jobs.answerOf(project, id)
})
