import type { EventQueueError } from "@millrace/core"
import { Effect, Schema } from "effect"
import { type Broker, queueError } from "./client.ts"
import { takeSnapshot } from "./ledger/snapshot.ts"
import type { QueueLog } from "./QueueLog.ts"
import { bury } from "./settle.ts"
import { labelOf, type Names } from "./subjects.ts"

/** `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES`: the server will not deliver this message again. */
const Advisory = Schema.fromJsonString(Schema.Struct({ stream_seq: Schema.Int, deliveries: Schema.Int }))
const decodeAdvisory = Schema.decodeOption(Advisory)

/**
 * Looks after messages that no worker will answer for: those that ran out of deliveries become dead letters, and those
 * that are settled but still, or again, in the stream are deleted.
 */
export const makeSweep = (log: QueueLog): Effect.Effect<void, EventQueueError> => {
  let before = 0
  return Effect.gen(function* () {
    if (!log.broker.connected) return
    while (yield* sweepAdvisory(log));
    before = yield* deleteLeftOver(log, before)
  })
}

const NUDGE_MILLIS = 5_000

/**
 * A server before 2.10 that was killed knows what it had handed out, but looks at it again only when it hands out something
 * new: without this, the last messages before a crash would wait for the next publish. Harmless
 * on others.
 */
export const nudge = ({ broker, names }: QueueLog): void => {
  // Not waited for: a stream too full for it has something to hand out, and the next connection tries again.
  if (broker.connected) {
    broker.publish(names.subjects.nudge, new Uint8Array(0), { timeout: NUDGE_MILLIS }).catch(() => undefined)
  }
}

const attempt = <A>(task: () => Promise<A>) =>
  Effect.tryPromise({ try: task, catch: (cause) => queueError("deadLetter", cause) })

/** Returns whether there was one. */
const sweepAdvisory = Effect.fnUntraced(function* ({ broker, ...log }: QueueLog) {
  const { advisories, events, subjects } = log.names
  const found = yield* attempt(() => broker.next(advisories, 1, ">"))
  if (found === null) return false
  const advisory = decodeAdvisory(found.string())
  if (advisory._tag === "Some") {
    const { deliveries, stream_seq: position } = advisory.value
    const message = yield* attempt(() => broker.call(() => broker.streams.getMessage(events, { seq: position })))
    const label = message === null ? undefined : labelOf(subjects.events, message.subject)
    if (message !== null && label !== undefined) {
      const reason = {
        stage: "queue",
        code: "worker_lost",
        message: "its workers ended without an answer",
        attempts: deliveries
      } as const
      yield* bury({ ...log, broker }, { position, label, bytes: message.data, traces: [] }, reason).pipe(
        Effect.mapError((cause) => queueError("deadLetter", cause))
      )
      yield* attempt(() => broker.call(() => broker.streams.deleteMessage(events, position, true)))
    }
  }
  yield* attempt(() => broker.call(() => broker.streams.deleteMessage(advisories, found.seq, false)))
  return true
})

/** A server before 2.10 that was killed brings acknowledged messages back, and delivers them to nobody. */
const deleteLeftOver = Effect.fnUntraced(function* ({ broker, ledger, names }: QueueLog, before: number) {
  const { last, leftOver, nudges } = yield* attempt(() => takeSnapshot(broker, ledger, names))
  yield* Effect.forEach(
    leftOver,
    (position) =>
      attempt(() => broker.call(() => broker.streams.deleteMessage(names.events, position, true))).pipe(
        // Acknowledged meanwhile.
        Effect.ignore
      ),
    { discard: true }
  )
  // Those of the last round had their effect, or nobody to have it on.
  if (nudges > 0) yield* attempt(() => deleteNudges(broker, names, before))
  return last
})

/** One by one: a purge by subject leaves some behind on 2.9. */
const deleteNudges = async (broker: Broker, names: Names, upTo: number): Promise<void> => {
  for (let from = 1; ;) {
    const found = await broker.next(names.events, from, names.subjects.nudge)
    if (found === null || found.seq > upTo) return
    await broker.call(() => broker.streams.deleteMessage(names.events, found.seq, false))
    from = found.seq + 1
  }
}
