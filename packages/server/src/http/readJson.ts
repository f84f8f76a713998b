import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import { Admission } from "./Admission.ts"
import { refuseMediaType } from "./mediaType.ts"
import { parseJson } from "./parseJson.ts"
import { readBytes } from "./readBytes.ts"
import { refusal } from "./Refusal.ts"

/** A body that says it is JSON. JSON only: a form or plain text would let any web page post here without a preflight. */
export const readJsonBytes = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const unsupported = refuseMediaType(request.headers["content-type"], { plainText: false, absent: false })
  if (unsupported !== undefined) return yield* Effect.fail(unsupported)
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity"
  if (encoding !== "identity") return yield* Effect.fail(encoded)
  const lease = (yield* Admission).budget.open()
  return yield* Effect.ensuring(readBytes(request, lease), Effect.sync(lease.release))
})

const encoded = refusal(
  "unsupported_encoding",
  "The body must be sent as it is; only batches of events may be compressed.",
  {
    headers: { "accept-encoding": "identity" }
  }
)

export const readJson = (request: HttpServerRequest.HttpServerRequest) =>
  Effect.flatMap(readJsonBytes(request), parseJson)
