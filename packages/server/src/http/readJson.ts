import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import { Gate } from "./Gate.ts"
import { refuseMediaType } from "./mediaType.ts"
import { parseJson } from "./parseJson.ts"
import { readBytes } from "./readBytes.ts"

/** A JSON body. JSON only: a form or plain text would let any web page post here without a preflight. */
export const readJson = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const unsupported = refuseMediaType(request.headers["content-type"], { plainText: false, absent: false })
  if (unsupported !== undefined) return yield* Effect.fail(unsupported)
  const lease = (yield* Gate).budget.open()
  const bytes = yield* Effect.ensuring(readBytes(request, lease), Effect.sync(lease.release))
  return yield* parseJson(bytes)
})
