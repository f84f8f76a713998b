import {
  type EventQueueError,
  type EventStoreError,
  type ErasureReceipt,
  eraseUser as erase,
  exportUser as readUser,
  formatInstant,
  USER_ID_MAX_CHARACTERS,
  type WarehouseError
} from "@millrace/core"
import type { ErasureReceiptAnswer } from "@millrace/core/wire"
import { Effect, Stream } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { CurrentCaller } from "../http/Caller.ts"
import { Admission } from "../http/Admission.ts"
import { because, NO_STORE, refusal, respondJson, retryLater } from "../http/Refusal.ts"
import { refuseWarehouse } from "./stats.ts"

/** Which user of the caller's project the path names. */
const named = Effect.gen(function* () {
  const { project: project_id } = yield* CurrentCaller
  const stray = Object.keys(yield* HttpServerRequest.ParsedSearchParams)[0]
  if (stray !== undefined) return yield* refuseField(stray, "unknown_parameter", "is not a parameter here")
  const { id = "" } = yield* HttpRouter.params
  // No event has another one; some stores cannot even be asked for it.
  if (id === "" || [...id].length > USER_ID_MAX_CHARACTERS || id.includes("\0")) {
    return yield* refuseField(
      "id",
      "invalid_parameter",
      `must have 1 to ${USER_ID_MAX_CHARACTERS} characters, none of them NUL`
    )
  }
  return { project_id, user_id: id }
})

const refuseField = (field: string, code: string, message: string) =>
  Effect.fail(refusal("invalid_parameter", `${field} ${message}.`, { errors: [{ path: `/${field}`, code, message }] }))

const failed = (error: EventQueueError | EventStoreError | WarehouseError) =>
  Effect.andThen(
    Effect.logWarning("a user's data cannot be read", error),
    Effect.fail(error._tag === "WarehouseError" ? refuseWarehouse(error) : because(unreadable, error))
  )
const unreadable = retryLater("warehouse_unavailable", "What is held about the user cannot be read at the moment.")

/** `DELETE /users/:id` */
export const eraseUser = Effect.fnUntraced(function* () {
  const user = yield* named
  return yield* (yield* Admission).jobs.carryThrough(
    user.project_id,
    Effect.flatMap(Effect.catch(erase(user), failed), answer)
  )
})

const answer = (receipt: ErasureReceipt) => {
  const presented = present(receipt)
  if (receipt.complete) return Effect.succeed(respondJson(presented))
  const detail = "Send the same request again: some places could not be reached or are not done."
  return Effect.fail(refusal("erasure_incomplete", detail, { receipt: presented, headers: { "retry-after": "5" } }))
}

const present = (receipt: ErasureReceipt): ErasureReceiptAnswer => ({
  project_id: receipt.project_id,
  user_hash: receipt.user_hash,
  ids: receipt.ids,
  erased_until: formatInstant(receipt.erased_until),
  complete: receipt.complete,
  ...(receipt.otherWarehouses.length === 0 ? {} : { other_warehouses: receipt.otherWarehouses }),
  places: receipt.steps.map(({ finished_at, ...step }) => ({
    ...step,
    finished_at: finished_at === undefined ? null : formatInstant(finished_at)
  }))
})

const utf8 = new TextEncoder()

/** `GET /users/:id/events`: a page at a time, as fast as the client reads. */
export const exportUser = Effect.fnUntraced(function* () {
  const user = yield* named
  const lines = yield* Effect.catch(readUser(user), failed)
  const bytes = Stream.map(lines, (line) => utf8.encode(`${JSON.stringify(line)}\n`)).pipe(
    Stream.tapError((error) => Effect.logWarning("an export was cut short", error))
  )
  return HttpServerResponse.stream(bytes, { contentType: "application/x-ndjson", headers: NO_STORE })
})
