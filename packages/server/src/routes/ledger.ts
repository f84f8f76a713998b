import { ledger as readLedger, type EventQueueError, type EventStoreError, type WarehouseError } from "@millrace/core"
import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import { Access, presentedKey } from "../http/Access.ts"
import { respondJson, retryLater } from "../http/Refusal.ts"

export const ledger = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const project = yield* (yield* Access).project(presentedKey(request.headers), "read")
  return respondJson(
    yield* readLedger(project).pipe(
      Effect.tapError(logFailure),
      Effect.mapError(() => unreadable)
    )
  )
})

const unreadable = retryLater("warehouse_unavailable", "The ledger cannot be read at the moment.")

const logFailure = (error: EventQueueError | EventStoreError | WarehouseError) =>
  Effect.logWarning("the ledger could not be read", error)
