import {
  type DeadLetter,
  type DeadLetterReason,
  EventBatch,
  type EventQueueError,
  PersistedLetter
} from "@millrace/core"
import { originIn } from "@millrace/core/account"
import { Clock, Effect, Schema } from "effect"
import { isConflict, queueError } from "./client.ts"
import type { QueueLog } from "./QueueLog.ts"
import { tokenOf } from "./subjects.ts"

/** Letters on their way at once. */
const WINDOW = 64
const ANSWER_MILLIS = 5_000

const LetterText = Schema.fromJsonString(PersistedLetter)
const encodeLetter = Schema.encodeSync(LetterText)
export const decodeLetter: (text: string) => Omit<DeadLetter, "id"> = Schema.decodeSync(LetterText)

/**
 * Sets the events of a taken batch aside: letters first, then their record, so that a letter is counted only when it is
 * there. Repeated, it writes and counts nothing twice: a letter's subject names the message and the event's index in it.
 */
export const setAside = Effect.fnUntraced(function* (log: QueueLog, batch: EventBatch, reason: DeadLetterReason) {
  const failed_at = (yield* Clock.currentTimeMillis) * 1000
  yield* Effect.tryPromise({
    try: () => writeLetters(log, batch, reason, failed_at),
    catch: (cause): EventQueueError => queueError("deadLetter", cause)
  })
})

const writeLetters = async (log: QueueLog, batch: EventBatch, reason: DeadLetterReason, failed_at: number) => {
  const { offset, position } = originIn(log, batch)
  await log.ledger.refresh()
  // By a worker whose lease had run out: another has accounted for the message.
  if (log.ledger.state.isSettled(position)) return
  const ranges = log.ledger.state.dead(position).missing(offset, offset + batch.count)
  if (ranges.length === 0) return
  const indexes = ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, index) => start + index))
  for (let at = 0; at < indexes.length; at += WINDOW) {
    await Promise.all(
      indexes
        .slice(at, at + WINDOW)
        .map((index) =>
          writeLetter(
            log,
            `${log.names.subjects.letters}.${tokenOf(batch.project_id)}.${position}.${index}`,
            encodeLetter({ event: batch.events[index - offset]!, reason, failed_at })
          )
        )
    )
  }
  await log.ledger.append({ _tag: "Dead", position, project_id: batch.project_id, ranges })
  log.meter.deadLettered(reason.code, indexes.length)
}

const writeLetter = async (log: QueueLog, subject: string, text: string): Promise<void> => {
  try {
    await log.broker.publish(subject, new TextEncoder().encode(text), {
      // Not an id for the server to recognise: its memory of ids ends after two minutes, that of subjects does not.
      expect: { lastSubjectSequence: 0 },
      timeout: ANSWER_MILLIS
    })
  } catch (cause) {
    if (!isConflict(cause)) throw cause
  }
}
