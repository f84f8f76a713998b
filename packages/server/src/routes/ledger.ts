import {
  type EventQueueError,
  EventStoreError,
  ledger as readLedger,
  Loops,
  type LoopStatus,
  type WarehouseError
} from "@millrace/core"
import { Clock, Effect } from "effect"
import { CurrentCaller } from "../http/Caller.ts"
import { because, respondJson, retryLater } from "../http/Refusal.ts"

export const ledger = Effect.fnUntraced(function* () {
  const { project } = yield* CurrentCaller
  const entry = yield* readLedger(project).pipe(
    Effect.tapError(logFailure),
    Effect.mapError((error) => because(unreadable, error))
  )
  const stopped = stoppedBy((yield* Loops).status(yield* Clock.currentTimeMillis))
  return respondJson(stopped === undefined ? entry : { ...entry, stopped })
})

/** Its numbers alone may add up, while nothing new is ever among them. */
const stoppedBy = (loops: ReadonlyArray<LoopStatus>): string | undefined => {
  const error = loops.find(({ name }) => name === "load")?.trouble?.error
  return error instanceof EventStoreError && error.needsOperator ? error.reason.message : undefined
}

const unreadable = retryLater("warehouse_unavailable", "The ledger cannot be read at the moment.")

const logFailure = (error: EventQueueError | EventStoreError | WarehouseError) =>
  Effect.logWarning("the ledger could not be read", error)
