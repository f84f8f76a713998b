import { type DeadLetterReason, EventBatch, type EventQueueError, type TakeOptions } from "@millrace/core"
import { type Label, originOf, type SettledMessage } from "@millrace/core/account"
import { Effect } from "effect"
import { queueError } from "./client.ts"
import { setAside } from "./letters.ts"
import type { QueueLog } from "./QueueLog.ts"

const ANSWER_MILLIS = 5_000

export interface Known {
  readonly position: number
  readonly label: Label
  readonly bytes: Uint8Array
  readonly traces: ReadonlyArray<string>
}

const settledOf = ({ label, position }: Known): SettledMessage => ({ position, ...label })

/** Records that messages are done with; only then may they leave the stream. */
export const recordSettled = (log: QueueLog, messages: ReadonlyArray<Known>): Effect.Effect<void, EventQueueError> =>
  Effect.tryPromise({
    try: () => log.ledger.append({ _tag: "Settled", messages: messages.map(settledOf) }),
    catch: (cause) => queueError("ack", cause)
  })

/**
 * All events of a message that are not stored become dead letters, and it is done with; the caller then takes it off the
 * stream.
 */
export const bury = Effect.fnUntraced(function* (
  log: QueueLog,
  message: Known,
  reason: DeadLetterReason,
  { exhausted = (batch, why) => setAside(log, batch, why) }: Pick<TakeOptions, "exhausted"> = {}
) {
  const batch = decode(log, message)
  if (batch === undefined) yield* keepUnreadable(log, message)
  else yield* exhausted(batch, reason)
  yield* recordSettled(log, [message])
})

export const decode = (log: QueueLog, { bytes, label, position, traces }: Known): EventBatch | undefined => {
  try {
    const batch = EventBatch.fromBytes(bytes, originOf(log, position)).withTraces(traces)
    return batch.count === label.count && batch.project_id === label.project_id ? batch : undefined
  } catch {
    return undefined
  }
}

/** Bytes that are no batch hold no events to list, but they are kept, and counted as the subject says. */
const keepUnreadable = Effect.fnUntraced(function* (log: QueueLog, message: Known) {
  yield* keepBytes(log, message)
  const { count, project_id } = message.label
  yield* Effect.tryPromise({
    try: () => log.ledger.append({ _tag: "Dead", position: message.position, project_id, ranges: [[0, count]] }),
    catch: (cause) => queueError("deadLetter", cause)
  })
  log.meter.deadLettered("unreadable", count)
})

/** Nothing of ours writes such a message; whoever did can have it back from here. */
export const keepBytes = Effect.fnUntraced(function* (
  log: QueueLog,
  { bytes, position }: { readonly bytes: Uint8Array; readonly position: number }
) {
  yield* Effect.logError("a message of the queue cannot be read; its bytes are kept", { position })
  yield* Effect.tryPromise({
    try: () =>
      log.broker.publish(log.names.subjects.unreadable, bytes, {
        msgID: `${log.id}/${position}`,
        timeout: ANSWER_MILLIS
      }),
    catch: (cause) => queueError("deadLetter", cause)
  })
})
