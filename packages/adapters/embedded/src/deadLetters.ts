import { type DeadLetterReason, type DeadLetters, type DeadLetterSelection, EventBatch } from "@millrace/core"
import { Clock, Effect, Semaphore } from "effect"
import type { EmbeddedLog } from "./EmbeddedLog.ts"
import { queueError } from "./errors.ts"
import { publish } from "./publish.ts"

/** Letters written, read or taken off the list in one step: 4 MiB at most, as an event is 64 KiB at most. */
const CHUNK_LETTERS = 64

/** Sets aside the events of a batch that was taken or replayed from this log. */
export const deadLetter = Effect.fnUntraced(function* (log: EmbeddedLog, batch: EventBatch, reason: DeadLetterReason) {
  const { origin } = batch
  if (origin?.log !== log.id) {
    const cause = new Error("only events that were taken from this queue can be set aside; cut batches with slice()")
    return yield* Effect.fail(queueError("deadLetter", cause))
  }
  const failed_at = (yield* Clock.currentTimeMillis) * 1000
  const letters = batch.events.map((event, index) => ({
    position: origin.position,
    index: origin.offset + index,
    // Erased while it was under way.
    event: log.tombstones.hideErasedEvent(event),
    reason,
    failed_at
  }))
  for (const chunk of chunksOf(letters)) {
    yield* Effect.tryPromise({ try: () => log.setAside(chunk), catch: (cause) => queueError("deadLetter", cause) })
  }
})

export const deadLettersOf = (log: EmbeddedLog): DeadLetters["Service"] => {
  // One at a time: two replays of the same letter would publish it twice.
  const oneAtATime = Semaphore.makeUnsafe(1)
  const letters = log.letters
  const attempt = <A>(task: () => Promise<A>) =>
    Effect.tryPromise({ try: task, catch: (cause) => queueError("deadLetters", cause) })
  const forEachChunk = <E>(
    selection: DeadLetterSelection,
    step: (ids: ReadonlyArray<number>) => Effect.Effect<void, E>
  ): Effect.Effect<number, E> =>
    Effect.gen(function* () {
      const ids = letters.select(selection)
      for (const chunk of chunksOf(ids)) yield* step(chunk)
      return ids.length
    }).pipe((task) => oneAtATime.withPermit(task))
  return {
    put: (batch, reason) => deadLetter(log, batch, reason),
    list: ({ after, limit, project_id }) =>
      attempt(() => letters.read(letters.page({ limit, project_id, after: after === undefined ? 0 : Number(after) }))),
    purge: (selection) => forEachChunk(selection, (ids) => attempt(() => letters.close(ids, "purged"))),
    replay: (selection) =>
      forEachChunk(selection, (ids) =>
        Effect.gen(function* () {
          const read = yield* attempt(() => letters.read(ids))
          const batches = EventBatch.group(read.map((letter) => letter.event))
          for (const batch of batches) yield* publish(log, log.tombstones.hideErased(batch))
          // Only now: a crash before this publishes them again, and identity absorbs that.
          yield* attempt(() => letters.close(ids, "replayed"))
        })
      )
  }
}

const chunksOf = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  const chunks: Array<ReadonlyArray<A>> = []
  for (let at = 0; at < items.length; at += CHUNK_LETTERS) chunks.push(items.slice(at, at + CHUNK_LETTERS))
  return chunks
}
