import { Cause, Clock, Context, Deferred, Effect, Exit, Random, type Scope } from "effect"
import {
  DeadLetters,
  type Delivery,
  EventQueue,
  type EventQueueError,
  type QueueBroken,
  type QueueCounts,
  QueueErasure,
  QueueFailure,
  QueueLedger,
  QueueObservation,
  type QueueServices,
  type TakeOptions,
  type Waiting
} from "@millrace/core"
import { deadLetter, deadLettersOf } from "./deadLetters.ts"
import type { EmbeddedLog } from "./EmbeddedLog.ts"
import { queueBroken, queueError } from "./errors.ts"
import { publish } from "./publish.ts"
import type { Exhausted, Lease } from "./state/Leases.ts"
import type { StoredBatch } from "./state/StoredBatch.ts"

const MESSAGE_LENGTH = 1_000

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
  unsettled: { log: id, positions: index.unacknowledged() }
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

interface Held {
  readonly lease: Lease
  /** What was read for it, kept to decide identity without reading it again. */
  records: ReadonlyArray<StoredBatch>
}

const take = (
  log: EmbeddedLog,
  options: TakeOptions,
  identities: boolean
): Effect.Effect<Delivery, EventQueueError, Scope.Scope> =>
  // Interruptible only while it waits and reads: a lease that was taken always gets its finalizer.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const held = yield* awaitLease(log, options, restore)
      yield* Effect.addFinalizer((exit) => settle(log, held, exit, { ...options, identities }))
      held.records = yield* restore(
        Effect.tryPromise({
          try: () => readLeased(log, held.lease.sequences),
          catch: (cause) => queueError("take", cause)
        })
      )
      const batches = held.records.flatMap(({ batch, sequence }) =>
        log.index.runs(sequence, { duplicates: false }).map(([start, end]) => batch.slice(start, end))
      )
      return { batches, attempt: held.lease.attempt }
    })
  )

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const awaitLease = (log: EmbeddedLog, options: TakeOptions, restore: Restore): Effect.Effect<Held, EventQueueError> =>
  Effect.gen(function* () {
    while (true) {
      if (log.closed) return yield* Effect.fail(queueError("take", new Error("the queue is closing")))
      const now = yield* Clock.currentTimeMillis
      const seen = log.changes.count
      const lease = log.leases.take(now, options)
      yield* buryExhausted(log, options)
      if (lease !== undefined) return { lease, records: [] }
      const changed = Effect.callback<void>((resume) => {
        const off = log.changes.on(seen, () => resume(Effect.void))
        return Effect.sync(off)
      })
      const until = log.leases.nextChangeAt
      yield* restore(until === undefined ? changed : Effect.timeoutOption(changed, Math.max(1, until - now)))
    }
  })

const readLeased = async (log: EmbeddedLog, sequences: ReadonlyArray<number>): Promise<ReadonlyArray<StoredBatch>> => {
  const records: Array<StoredBatch> = []
  while (records.length < sequences.length) {
    const from = sequences[records.length]!
    let run = 1
    while (sequences[records.length + run] === from + run) run++
    const read = await log.read(from, from + run - 1)
    if (read.length === 0) throw new Error(`record ${from} is gone`)
    records.push(...read)
  }
  return records
}

interface SettleOptions extends TakeOptions {
  readonly identities: boolean
}

const settle = (log: EmbeddedLog, held: Held, exit: Exit.Exit<unknown, unknown>, options: SettleOptions) =>
  Effect.gen(function* () {
    if (Exit.isSuccess(exit)) {
      log.leases.ack(held.lease)
      if (options.identities) for (const { batch, sequence } of held.records) log.index.settle(sequence, batch.ids)
    } else if (Cause.hasInterruptsOnly(exit.cause)) {
      log.leases.release(held.lease)
    } else {
      const now = yield* Clock.currentTimeMillis
      log.leases.fail(held.lease, now, yield* Random.next, messageOf(exit.cause))
      yield* buryExhausted(log, options)
    }
    log.changes.announce()
  })

const messageOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return (error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_LENGTH)
}

/** Dead-letters what has had its attempts. When that cannot be written either, the records wait for another try. */
const buryExhausted = (log: EmbeddedLog, options: TakeOptions): Effect.Effect<void> =>
  Effect.suspend(() => {
    const exhausted = log.leases.takeExhausted()
    if (exhausted.length === 0) return Effect.void
    return Effect.forEach(exhausted, (one) => bury(log, one, options), { discard: true }).pipe(
      Effect.catch((error) =>
        Effect.andThen(
          Effect.logError("dead letters cannot be written", error),
          Effect.map(Clock.currentTimeMillis, (now) => log.leases.giveBack(exhausted, now))
        )
      )
    )
  })

const bury = Effect.fnUntraced(function* (
  log: EmbeddedLog,
  { attempts, code, message, sequence }: Exhausted,
  { exhausted = (batch, reason) => deadLetter(log, batch, reason) }: TakeOptions
) {
  const [record] = yield* Effect.tryPromise({
    try: () => readLeased(log, [sequence]),
    catch: (cause) => queueError("deadLetter", cause)
  })
  yield* exhausted(record!.batch, { stage: "queue", code, message, attempts })
  log.leases.acknowledge(sequence)
})
