import type { EventBatch, EventQueueError } from "@millrace/core"
import { Effect } from "effect"
import type { EmbeddedLog } from "./EmbeddedLog.ts"
import { queueError } from "./errors.ts"

/** One callback a publish: everything else is done a group at a time. */
export const publish = (log: EmbeddedLog, batch: EventBatch): Effect.Effect<void, EventQueueError> =>
  Effect.callback<void, EventQueueError>((resume) => {
    log.append([batch], false, (error) =>
      resume(error === undefined ? Effect.void : Effect.fail(queueError("publish", error)))
    )
  })
