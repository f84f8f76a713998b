import { BadParameter, EventQueueError, EventStoreError, WarehouseError } from "@millrace/core"
import { refuseQueue } from "../routes/events.ts"
import { refuseParameter, refuseWarehouse } from "../routes/stats.ts"
import { fromRefusal, MillraceError } from "./MillraceError.ts"

/** Any failure → the one error type; the original is its `cause`. */
export const explain = (error: unknown): MillraceError => {
  if (error instanceof MillraceError) return error
  if (error instanceof BadParameter) return fromRefusal(refuseParameter(error), error)
  if (error instanceof EventQueueError && error.reason._tag === "QueueBroken") {
    return new MillraceError("queue_broken", error.reason.message, { cause: error })
  }
  if (error instanceof EventQueueError) return fromRefusal(refuseQueue(error), error)
  if (error instanceof WarehouseError) return fromRefusal(refuseWarehouse(error), error)
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof EventStoreError && error.retryable) {
    return new MillraceError("warehouse_unavailable", message, { cause: error })
  }
  return new MillraceError("internal", message, { cause: error })
}
