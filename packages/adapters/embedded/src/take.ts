import { Clock, Effect, type Scope } from "effect"
import { type Delivery, type EventQueueError, expire, type Lease, settle, type TakeOptions } from "@millrace/core"
import { deadLetter } from "./deadLetters.ts"
import type { EmbeddedLog } from "./EmbeddedLog.ts"
import { queueError } from "./errors.ts"
import type { LeasedRecords } from "./state/Leases.ts"
import type { StoredBatch } from "./state/StoredBatch.ts"

interface Held {
  readonly leased: LeasedRecords
  /** What was read for it, kept to decide identity without reading it again. */
  records: ReadonlyArray<StoredBatch>
}

/** `identities`: whether the store on this log takes the events over. */
export const take = (
  log: EmbeddedLog,
  options: TakeOptions,
  identities: boolean
): Effect.Effect<Delivery, EventQueueError, Scope.Scope> =>
  // Interruptible only while it waits and reads: a lease that was taken always gets its finalizer.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const held = yield* awaitLease(log, options, restore)
      yield* Effect.addFinalizer((exit) =>
        Effect.suspend(() => settle(leaseOf(log, held, { ...options, identities }), log.leases.limits, exit)).pipe(
          Effect.andThen(Effect.sync(() => log.changes.announce()))
        )
      )
      held.records = yield* restore(
        Effect.tryPromise({
          try: () => readLeased(log, held.leased.sequences),
          catch: (cause) => queueError("take", cause)
        })
      )
      const batches = held.records.flatMap(({ batch, sequence }) =>
        log.index.runs(sequence, { duplicates: false }).map(([start, end]) => batch.slice(start, end))
      )
      return { batches, attempt: held.leased.attempt }
    })
  )

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const awaitLease = (log: EmbeddedLog, options: TakeOptions, restore: Restore): Effect.Effect<Held, EventQueueError> =>
  Effect.gen(function* () {
    while (true) {
      if (log.closed) return yield* Effect.fail(queueError("take", new Error("the queue is closing")))
      const now = yield* Clock.currentTimeMillis
      const seen = log.changes.count
      for (const leased of log.leases.expired(now)) {
        const lease = leaseOf(log, { leased, records: [] }, { ...options, identities: false })
        yield* expire(lease, log.leases.limits)
      }
      const leased = log.leases.take(now, options)
      if (leased !== undefined) return { leased, records: [] }
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

interface Record {
  readonly sequence: number
  readonly attempt: number
}

interface LeaseOptions extends TakeOptions {
  readonly identities: boolean
}

const leaseOf = (log: EmbeddedLog, { leased, records }: Held, options: LeaseOptions): Lease<Record, never> => {
  const { leases } = log
  const after = (delayMillis: number, then: (at: number) => void) =>
    Effect.map(Clock.currentTimeMillis, (now) => then(now + delayMillis))
  return {
    messages: leased.sequences.map((sequence) => ({ sequence, attempt: leases.attempt(sequence) })),
    end: () => leases.end(leased),
    acknowledge: Effect.sync(() => {
      for (const sequence of leased.sequences) leases.acknowledge(sequence)
      if (options.identities) for (const { batch, sequence } of records) log.index.settle(sequence, batch.ids)
    }),
    release: Effect.sync(() => {
      for (const sequence of leased.sequences) leases.wait(sequence, 0)
    }),
    retry: ({ attempt, sequence }, delayMillis) => after(delayMillis, (at) => leases.wait(sequence, at, attempt)),
    bury: ({ sequence }, reason) =>
      Effect.gen(function* () {
        if (leases.isOver(sequence)) return
        const [record] = yield* Effect.tryPromise({
          try: () => readLeased(log, [sequence]),
          catch: (cause) => queueError("deadLetter", cause)
        })
        const { exhausted = (batch, why) => deadLetter(log, batch, why) } = options
        yield* exhausted(record!.batch, reason)
        leases.acknowledge(sequence)
      }),
    postpone: ({ sequence }, delayMillis) => after(delayMillis, (at) => leases.wait(sequence, at))
  }
}
