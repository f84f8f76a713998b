import { Effect } from "effect"
import { HttpRouter } from "effect/http"
import { CurrentCaller } from "../http/Caller.ts"
import { Gate } from "../http/Admission.ts"

/** `GET /jobs/:id` */
export const answerOfJob = Effect.fnUntraced(function* () {
  const { project } = yield* CurrentCaller
  const { id = "" } = yield* HttpRouter.params
  return yield* (yield* Gate).jobs.answerOf(project, id)
})
