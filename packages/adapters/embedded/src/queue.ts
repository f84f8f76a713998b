import { Context, Deferred, Effect } from "effect"
import {
  DeadLetters,
  EventQueue,
  type QueueBroken,
  type QueueCounts,
  QueueErasure,
  QueueFailure,
  QueueLedger,
  QueueObservation,
  type QueueServices,
  type Waiting
} from "@millrace/core"
import { deadLettersOf } from "./deadLetters.ts"
import type { EmbeddedLog } from "./EmbeddedLog.ts"
import { queueBroken, queueError } from "./errors.ts"
import { publish } from "./publish.ts"
import { take } from "./take.ts"

export type EmbeddedQueue = QueueServices | QueueFailure

/** The log as a queue. `identities`: whether the store on this log takes the events over. */
export const makeQueue = (log: EmbeddedLog, identities: boolean): Context.Context<EmbeddedQueue> =>
  Context.make(EventQueue, {
    durability: "fsync",
    publish: (batch) => publish(log, batch),
    take: (options) => take(log, options, identities),
    waiting: Effect.suspend(() =>
      log.broken === undefined ? Effect.succeed(waitingIn(log)) : Effect.fail(queueError("depth", log.broken))
    )
  }).pipe(
    Context.add(DeadLetters, deadLettersOf(log)),
    Context.add(QueueObservation, { observe: log.meter.observe }),
    Context.add(QueueFailure, { broken: brokenOf(log) }),
    Context.add(QueueLedger, {
      counts: Effect.sync(() => countsOf(log)),
      lost: Effect.sync(() => log.index.sums.lost.total)
    }),
    Context.add(QueueErasure, {
      tombstones: log.tombstones,
      erase: (erasure) =>
        Effect.map(
          Effect.tryPromise({ try: () => log.erase(erasure), catch: (cause) => queueError("erase", cause) }),
          // What a queue without a store has handed on is no longer anybody's here, but its bytes may be.
          (erased) => (identities ? erased : erased.filter(({ place }) => place !== "store"))
        )
    })
  )

const countsOf = ({ id, index, letters }: EmbeddedLog): QueueCounts => ({
  accepted: index.sums.accepted.toRecord(),
  deadLettered: letters.deadLettered.toRecord(),
  replayed: letters.replayed.toRecord(),
  waiting: index.waiting.toRecord(),
  lost: index.sums.lost.toRecord(),
  inFlight: { log: id, positions: index.unacknowledged() }
})

const waitingIn = ({ index }: EmbeddedLog): Waiting => ({
  events: index.waiting.total,
  bytes: index.waitingBytes,
  oldestReceivedAt: index.oldestReceivedAt
})

const brokenOf = (log: EmbeddedLog): Effect.Effect<QueueBroken> => {
  const broken = Deferred.makeUnsafe<QueueBroken>()
  log.onBroken((cause) => Deferred.doneUnsafe(broken, Effect.succeed(queueBroken(cause))))
  return Deferred.await(broken)
}
