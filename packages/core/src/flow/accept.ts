import { Clock, Effect } from "effect"
import type { Event } from "../event/Event.ts"
import { EventBatch, MAX_MESSAGE_BYTES } from "../event/EventBatch.ts"
import { FUTURE_LIMIT_MICROS, judge, type Rejection, skewOf } from "../event/judge.ts"
import { encodePlain } from "../event/plain/encodePlain.ts"
import { PlainBody } from "../event/plain/PlainBody.ts"
import { EventQueue } from "../port/EventQueue.ts"
import { currentTraceparent } from "../event/traceparent.ts"
import { MAX_EVENTS_PER_REQUEST, type RawBatch } from "../event/readBody.ts"

export interface IndexedRejection extends Rejection {
  readonly index: number
}

export interface BatchVerdict {
  readonly accepted: number
  readonly rejected: ReadonlyArray<IndexedRejection>
}

/** Asked once for each batch, with its number of events, before anything is published; a failure ends it. */
export type Admit<E, R> = (events: number) => Effect.Effect<void, E, R>

const admitAll = () => Effect.void

/**
 * Judges every event on its own and publishes the accepted ones. When it succeeds they are as durable as the queue
 * states; when it fails with a retryable error the client sends the same ids again.
 */
export const accept = Effect.fnUntraced(function* <E = never, R = never>(
  batch: Pick<RawBatch, "events" | "sent_at">,
  project_id: string,
  admit: Admit<E, R> = admitAll
) {
  const queue = yield* EventQueue
  yield* admit(batch.events.length)
  const received_at = (yield* Clock.currentTimeMillis) * 1000
  const judged = judgeAll(batch, project_id, received_at)
  const { rejected } = judged
  const { tombstones } = queue
  // Old events of an erased user are taken, and leave nothing but their ids.
  const events = tombstones.size === 0 ? judged.events : judged.events.map((event) => tombstones.veilEvent(event))
  if (events.length > 0) yield* publishAll(queue, EventBatch.fromEvents(events).split(MAX_MESSAGE_BYTES))
  const verdict: BatchVerdict = { accepted: events.length, rejected }
  return verdict
})

const publishAll = (queue: EventQueue["Service"], batches: ReadonlyArray<EventBatch>) =>
  Effect.flatMap(currentTraceparent, (traceparent) => {
    const publish = (batch: EventBatch) =>
      queue.publish(traceparent === undefined ? batch : batch.withTraces([traceparent]))
    return batches.length === 1
      ? publish(batches[0]!)
      : Effect.forEach(batches, publish, { concurrency: "unbounded", discard: true })
  })

/**
 * {@link accept} for a request body in valid UTF-8, without building objects. Undefined, with nothing published, when
 * the body holds anything but plainly valid events in a bare array: then parse it and use {@link accept}.
 */
export const acceptPlain = Effect.fnUntraced(function* <E = never, R = never>(
  bytes: Uint8Array,
  project_id: string,
  admit: Admit<E, R> = admitAll
) {
  const received_at = (yield* Clock.currentTimeMillis) * 1000
  const limits = { maxEvents: MAX_EVENTS_PER_REQUEST, latest: received_at + FUTURE_LIMIT_MICROS }
  const body = PlainBody.read(bytes, limits)
  if (body === undefined) return undefined
  const queue = yield* EventQueue
  const { count } = body
  const oldest = Math.min(received_at, body.oldest)
  // Before `admit`, which may wait: the body's places are shared with the next one.
  const batches = encodePlain(body, { project_id, received_at, maxBatchBytes: MAX_MESSAGE_BYTES })
  yield* admit(count)
  // Only now: somebody may have been erased while the request waited.
  const mayBeErased = oldest <= queue.tombstones.newest
  yield* publishAll(queue, mayBeErased ? batches.map((batch) => queue.tombstones.veil(batch)) : batches)
  const verdict: BatchVerdict = { accepted: count, rejected: [] }
  return verdict
})

const judgeAll = (batch: Pick<RawBatch, "events" | "sent_at">, project_id: string, received_at: number) => {
  const context = { project_id, received_at, skew_micros: skewOf(received_at, batch.sent_at) }
  const events: Array<Event> = []
  const rejected: Array<IndexedRejection> = []
  for (let index = 0; index < batch.events.length; index++) {
    const verdict = judge(batch.events[index], context)
    if (verdict._tag === "Accepted") events.push(verdict.event)
    else rejected.push({ index, ...verdict.rejection })
  }
  return { events, rejected }
}
