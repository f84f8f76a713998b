import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { USER_ID_MAX_CHARACTERS } from "../event/rules.ts"
import { forAdmins } from "./access.ts"
import { describe } from "./describe.ts"
import { erasureIncomplete, problemOf } from "./Problem.ts"
import { ErasureReceiptAnswer } from "./receipt.ts"
import { UnderWay, underWayAnswer } from "./UnderWay.ts"

const user = {
  id: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(USER_ID_MAX_CHARACTERS)).annotate({
    description: "A user_id, percent-encoded."
  })
}

const eraseUser = HttpApiEndpoint.delete("eraseUser", "/users/:id", {
  params: user,
  success: [ErasureReceiptAnswer, UnderWay],
  error: [problemOf(422), problemOf(500), erasureIncomplete]
})
  .pipe(forAdmins)
  .annotateMerge(
    describe({
      summary: "Erase a user",
      description:
        "Removes the user and every id merged into the user, in one project, from the queue, the dead letters, the hot store " +
        "and the warehouse, down to the bytes of their files. What occurred or was accepted until then never comes back. " +
        "202: it takes long; the receipt is asked for later. 503 erasure_incomplete: a place could not be reached; its receipt says which, and the same request ends it.",
      answers: { 202: underWayAnswer, 503: { headers: { "retry-after": "Seconds." } } }
    })
  )

const exportUser = HttpApiEndpoint.get("exportUser", "/users/:id/events", {
  params: user,
  success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "application/x-ndjson" })),
  error: [problemOf(422), problemOf(500), problemOf(503)]
})
  .pipe(forAdmins)
  .annotateMerge(
    describe({
      summary: "Everything held about a user",
      description:
        'One JSON object a line: first {"kind":"user"} with the ids merged into the user, then {"kind":"event"} and ' +
        '{"kind":"dead_letter"}, at last {"kind":"end"} with their numbers; without that line the answer is not whole.'
    })
  )

export const usersGroup = HttpApiGroup.make("users").add(eraseUser, exportUser)
