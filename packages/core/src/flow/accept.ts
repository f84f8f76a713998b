import { Clock, Effect, Option } from "effect"
import type { Event } from "../event/Event.ts"
import { EventBatch, MAX_MESSAGE_BYTES } from "../event/EventBatch.ts"
import { judge, type Rejection, skewOf } from "../event/judge.ts"
import { encodePlain } from "../event/plain/encodePlain.ts"
import { QueueErasure } from "../port/Erasure.ts"
import { EventQueue } from "../port/EventQueue.ts"
import { currentTraceparent } from "../event/traceparent.ts"
import { PlainBody } from "../event/plain/PlainBody.ts"
import type { RawBatch } from "../event/readBody.ts"

export interface IndexedRejection extends Rejection {
  readonly index: number
}

export interface BatchVerdict {
  readonly accepted: number
  readonly rejected: ReadonlyArray<IndexedRejection>
}

type Events = Pick<RawBatch, "events" | "sent_at">

/**
 * Judges every event of a body on its own and publishes the accepted ones. When it succeeds they are as durable as the
 * queue states; when it fails with a retryable error the client sends the same ids again.
 */
export const accept = Effect.fnUntraced(function* (body: PlainBody | Events, project_id: string) {
  const queue = yield* EventQueue
  const erasure = yield* Effect.serviceOption(QueueErasure)
  const { accepted, batches, oldest, rejected } = judgeAll(body, project_id, (yield* Clock.currentTimeMillis) * 1000)
  if (accepted > 0) {
    // Old events of an erased user are taken, and leave nothing but their ids.
    const { tombstones } = Option.getOrUndefined(erasure) ?? {}
    const mayBeErased = tombstones !== undefined && oldest <= tombstones.newest
    yield* publishAll(queue, mayBeErased ? batches.map((batch) => tombstones.hideErased(batch)) : batches)
  }
  const verdict: BatchVerdict = { accepted, rejected }
  return verdict
})

interface Judged extends BatchVerdict {
  /** The accepted events, each batch small enough for one message. */
  readonly batches: ReadonlyArray<EventBatch>
  /** The first instant at which one of them occurred or was received. */
  readonly oldest: number
}

/** A plain body was found valid as it was read: it is only copied. */
const judgeAll = (body: PlainBody | Events, project_id: string, now: number): Judged => {
  if (!(body instanceof PlainBody)) return judgeEach(body, project_id, now)
  const batches = encodePlain(body, { project_id, maxBatchBytes: MAX_MESSAGE_BYTES })
  return { accepted: body.count, batches, oldest: Math.min(body.oldest, body.received_at), rejected: [] }
}

const judgeEach = ({ events: raws, sent_at }: Events, project_id: string, received_at: number): Judged => {
  const context = { project_id, received_at, skew_micros: skewOf(received_at, sent_at) }
  const events: Array<Event> = []
  const rejected: Array<IndexedRejection> = []
  for (let index = 0; index < raws.length; index++) {
    const verdict = judge(raws[index], context)
    if (verdict._tag === "Accepted") events.push(verdict.event)
    else rejected.push({ index, ...verdict.rejection })
  }
  const oldest = events.reduce((first, { occurred_at }) => Math.min(first, occurred_at), received_at)
  const batches = events.length === 0 ? [] : EventBatch.fromEvents(events).split(MAX_MESSAGE_BYTES)
  return { accepted: events.length, batches, oldest, rejected }
}

const publishAll = (queue: EventQueue["Service"], batches: ReadonlyArray<EventBatch>) =>
  Effect.flatMap(currentTraceparent, (traceparent) => {
    const publish = (batch: EventBatch) =>
      queue.publish(traceparent === undefined ? batch : batch.withTraces([traceparent]))
    return batches.length === 1
      ? publish(batches[0]!)
      : Effect.forEach(batches, publish, { concurrency: "unbounded", discard: true })
  })
