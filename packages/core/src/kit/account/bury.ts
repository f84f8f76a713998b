import { Effect } from "effect"
import { EventBatch } from "../../event/EventBatch.ts"
import type { DeadLetterReason, EventQueueError, TakeOptions } from "../../port/EventQueue.ts"
import { originOf } from "./Account.ts"
import type { LogQueue } from "./LogQueue.ts"
import type { Label } from "./record.ts"
import { setAside } from "./setAside.ts"

/** A message whose subject, key or header tells what it holds. */
export interface Known {
  readonly position: number
  readonly label: Label
  readonly bytes: Uint8Array
  readonly traces: ReadonlyArray<string>
}

/** Records that messages are done with; only then may they leave the stream. */
export const recordSettled = (
  queue: LogQueue,
  messages: ReadonlyArray<Pick<Known, "position" | "label">>
): Effect.Effect<void, EventQueueError> =>
  Effect.tryPromise({
    try: () =>
      queue.ledger.append({
        _tag: "Settled",
        messages: messages.map(({ label, position }) => ({ position, ...label }))
      }),
    catch: (cause) => queue.errorOf("ack", cause)
  })

/**
 * All events of a message that are not stored become dead letters, and it is done with; the caller then takes it off the
 * stream.
 */
export const bury = Effect.fnUntraced(function* (
  queue: LogQueue,
  message: Known,
  reason: DeadLetterReason,
  { exhausted = (batch, why) => setAside(queue, batch, why) }: Pick<TakeOptions, "exhausted"> = {}
) {
  const batch = decode(queue, message)
  if (batch === undefined) yield* keepUnreadable(queue, message)
  else yield* exhausted(batch, reason)
  yield* recordSettled(queue, [message])
})

/** Undefined where the bytes are not what the label says. */
export const decode = (queue: LogQueue, { bytes, label, position, traces }: Known): EventBatch | undefined => {
  try {
    const batch = EventBatch.fromBytes(bytes, originOf(queue, position)).withTraces(traces)
    return batch.count === label.count && batch.project_id === label.project_id ? batch : undefined
  } catch {
    return undefined
  }
}

/** Bytes that are no batch hold no events to list, but they are kept, and counted as the label says. */
const keepUnreadable = Effect.fnUntraced(function* (queue: LogQueue, message: Known) {
  yield* keepBytes(queue, message)
  const { count, project_id } = message.label
  yield* Effect.tryPromise({
    try: () => queue.ledger.append({ _tag: "Dead", position: message.position, project_id, ranges: [[0, count]] }),
    catch: (cause) => queue.errorOf("deadLetter", cause)
  })
  queue.meter.deadLettered("unreadable", count)
})

/** Nothing of ours writes such a message; whoever did can have it back from here. */
export const keepBytes = Effect.fnUntraced(function* (
  { errorOf, letters }: LogQueue,
  { bytes, position }: { readonly bytes: Uint8Array; readonly position: number }
) {
  yield* Effect.logError("a message of the queue cannot be read; its bytes are kept", { position })
  yield* Effect.tryPromise({
    try: () => letters.keep(position, bytes),
    catch: (cause) => errorOf("deadLetter", cause)
  })
})
