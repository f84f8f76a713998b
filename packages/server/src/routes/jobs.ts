import { Effect } from "effect"
import { HttpRouter } from "effect/http"
import { CurrentCaller } from "../http/Caller.ts"
import { Admission } from "../http/Admission.ts"

/** `GET /jobs/:id` */
export const answerOfJob = Effect.fnUntraced(function* () {
  const { project } = yield* CurrentCaller
  const { id = "" } = yield* HttpRouter.params
  return yield* (yield* Admission).jobs.answerOf(project, id)
})
