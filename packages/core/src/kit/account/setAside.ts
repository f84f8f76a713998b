import { Clock, Effect, Schema } from "effect"
import type { EventBatch } from "../../event/EventBatch.ts"
import type { DeadLetterReason } from "../../port/EventQueue.ts"
import { PersistedLetter } from "../PersistedLetter.ts"
import { originIn } from "./Account.ts"
import type { LogQueue } from "./LogQueue.ts"
import type { DeadLetter } from "../../port/DeadLetters.ts"

/** Letters on their way at once. */
const WINDOW = 64

const LetterText = Schema.fromJsonString(PersistedLetter)
const encodeLetter = Schema.encodeSync(LetterText)
export const decodeLetter: (text: string) => Omit<DeadLetter, "id"> = Schema.decodeSync(LetterText)

/**
 * Sets the events of a taken batch aside: letters first, then their record, so that a letter is counted only when it is
 * there. Repeated, it writes and counts nothing twice: a letter's place names the message and the event's index in it.
 */
export const setAside = Effect.fnUntraced(function* (queue: LogQueue, batch: EventBatch, reason: DeadLetterReason) {
  const failed_at = (yield* Clock.currentTimeMillis) * 1000
  yield* Effect.tryPromise({
    try: () => writeLetters(queue, batch, reason, failed_at),
    catch: (cause) => queue.errorOf("deadLetter", cause)
  })
})

const writeLetters = async (queue: LogQueue, batch: EventBatch, reason: DeadLetterReason, failed_at: number) => {
  const { ledger, letters } = queue
  const { project_id } = batch
  const { offset, position } = originIn(queue, batch)
  await ledger.refresh()
  // By a worker whose lease had run out: another has accounted for the message.
  if (ledger.state.isSettled(position)) return
  const ranges = ledger.state.dead(position).missing(offset, offset + batch.count)
  if (ranges.length === 0) return
  const indexes = ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, index) => start + index))
  const write = (index: number) =>
    letters.write(
      { project_id, position, index },
      encodeLetter({ event: batch.events[index - offset]!, reason, failed_at })
    )
  for (let at = 0; at < indexes.length; at += WINDOW) await Promise.all(indexes.slice(at, at + WINDOW).map(write))
  await ledger.append({ _tag: "Dead", position, project_id, ranges })
  queue.meter.deadLettered(reason.code, indexes.length)
}
