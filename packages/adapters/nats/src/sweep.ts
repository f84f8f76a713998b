import type { EventQueueError } from "@millrace/core"
import { bury, NO_EVENTS, positionIn, sweepStream } from "@millrace/core/account"
import { Effect, Schema } from "effect"
import { isServed, workerIn } from "./consumer.ts"
import type { QueueLog } from "./QueueLog.ts"
import { labelOf } from "./subjects.ts"
import { queueError } from "./errors.ts"

/** `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES`: the server will not deliver this message again. */
const Advisory = Schema.fromJsonString(
  Schema.Struct({ consumer: Schema.String, stream_seq: Schema.Int, deliveries: Schema.Int })
)
const decodeAdvisory = Schema.decodeOption(Advisory)

/**
 * Looks after messages that no worker will answer for: those that ran out of deliveries become dead letters; the
 * rest is the account's.
 */
export const makeSweep = (log: QueueLog): Effect.Effect<void, EventQueueError> => {
  let before = 0
  return Effect.gen(function* () {
    if (!log.broker.connected) return
    yield* attempt(() => log.mending.ready())
    if (!(yield* attempt(() => isServed(log)))) yield* attempt(() => log.mending.mend())
    while (yield* sweepAdvisory(log));
    before = yield* attempt(() => sweepStream(log, before))
  })
}

const NUDGE_MILLIS = 5_000

/**
 * A server before 2.10 that was killed knows what it had handed out, but looks at it again only when it hands out something
 * new: without this, the last messages before a crash would wait for the next publish. Harmless
 * on others.
 */
export const nudge = (log: QueueLog): void => {
  const { broker, names } = log
  // Not waited for: a stream too full for it has something to hand out, and the next connection tries again.
  if (broker.connected) {
    broker
      .publish(names.subjects.nudge, new Uint8Array(0), { timeout: NUDGE_MILLIS })
      .then(({ seq }) => log.manifest.add(positionIn(log, seq), NO_EVENTS))
      .catch(() => undefined)
  }
}

const attempt = <A>(task: () => Promise<A>) =>
  Effect.tryPromise({ try: task, catch: (cause) => queueError("deadLetter", cause) })

/** Returns whether there was one. */
const sweepAdvisory = Effect.fnUntraced(function* (log: QueueLog) {
  const { broker } = log
  const { advisories, events, subjects } = log.names
  const found = yield* attempt(() => broker.next(advisories, 1, ">"))
  if (found === null) return false
  const advisory = decodeAdvisory(found.string())
  // One of an earlier generation speaks of a sequence that another message may have.
  if (advisory._tag === "Some" && advisory.value.consumer === workerIn(log)) {
    const { deliveries, stream_seq: seq } = advisory.value
    const position = positionIn(log, seq)
    const message = yield* attempt(() => broker.call(() => broker.streams.getMessage(events, { seq })))
    const label = message === null ? undefined : labelOf(subjects.events, message.subject)
    if (message !== null && label !== undefined) {
      const reason = {
        stage: "queue",
        code: "worker_lost",
        message: "its workers ended without an answer",
        attempts: deliveries
      } as const
      yield* bury(log, { position, label, bytes: message.data, traces: [] }, reason).pipe(
        Effect.mapError((cause) => queueError("deadLetter", cause))
      )
      yield* attempt(() => broker.call(() => broker.streams.deleteMessage(events, seq, true)))
    }
  }
  yield* attempt(() => broker.call(() => broker.streams.deleteMessage(advisories, found.seq, false)))
  return true
})
