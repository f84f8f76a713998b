import { Context, Effect } from "effect"
import type { ByProject } from "../event/Event.ts"
import { type EventBatch, MAX_MESSAGE_BYTES } from "../event/EventBatch.ts"
import type { Tombstones } from "../event/Tombstones.ts"
import { DeadLetters, type DeadLetterSelection } from "../port/DeadLetters.ts"
import { QueueErasure } from "../port/Erasure.ts"
import { EventQueue, type EventQueueError } from "../port/EventQueue.ts"
import { type QueueCounts, QueueLedger } from "../port/Ledger.ts"
import { QueueMeter, QueueObservation } from "../port/QueueObserver.ts"

type Letters = DeadLetters["Service"]

/** Dead letters that a hot store keeps, in the transaction that takes the events out of what it replays. */
export interface StoreLetters extends Omit<Letters, "replay"> {
  /** Hands each batch to `again`, then takes it off the list. */
  readonly replay: (
    selection: DeadLetterSelection,
    again: (batch: EventBatch) => Effect.Effect<void, EventQueueError>
  ) => Effect.Effect<number, EventQueueError>
  /**
   * As {@link QueueCounts}, with `inFlight.letters`: what was appended, and what was set aside instead. Where publishing is
   * appending, `inFlight` is what was appended later.
   */
  readonly counts: Effect.Effect<Omit<QueueCounts, "waiting">, EventQueueError>
}

/** Before the ids of the store's letters: whatever a queue's own look like, they come first. */
const PREFIX = "w"
const isKept = (id: string) => id.startsWith(PREFIX)

/**
 * The services of a queue whose store is another system, with the dead letters of both. What the warehouse refused was stored
 * long since: only the store can take it out of its order, free its identity and count it as set aside, all in one
 * transaction, so only there are such letters kept. Replayed, they pass through the queue like any other event.
 * `tombstones`: the store's, since a queue need not have any.
 */
export const withStoreLetters = Effect.fnUntraced(function* (kept: StoreLetters, tombstones: Tombstones) {
  const queue = yield* EventQueue
  const own = yield* DeadLetters
  const ledger = yield* QueueLedger
  const erasure = yield* QueueErasure
  const observation = yield* QueueObservation
  const meter = new QueueMeter()
  return Context.make(EventQueue, queue).pipe(
    Context.add(DeadLetters, lettersOfBoth(queue, own, kept, { meter, tombstones })),
    Context.add(QueueErasure, { ...erasure, tombstones }),
    Context.add(QueueObservation, {
      observe: (observer) => {
        meter.observe(observer)
        observation.observe(observer)
      }
    }),
    Context.add(QueueLedger, { ...ledger, counts: countsOfBoth(ledger, kept) })
  )
})

const lettersOfBoth = (
  queue: EventQueue["Service"],
  own: Letters,
  kept: StoreLetters,
  { meter, tombstones }: { readonly meter: QueueMeter; readonly tombstones: Tombstones }
): Letters => {
  const again = (batch: EventBatch) =>
    Effect.forEach(batch.split(MAX_MESSAGE_BYTES), queue.publish, { concurrency: 1, discard: true })
  return {
    put: (given, reason) => {
      // Somebody may have been erased since the batch was read.
      const batch = tombstones.hideErased(given)
      return reason.stage === "warehouse"
        ? Effect.tap(kept.put(batch, reason), () => Effect.sync(() => meter.deadLettered(reason.code, batch.count)))
        : own.put(batch, reason)
    },
    list: listOf(own, kept),
    purge: (selection) => both(selection, own.purge, kept.purge),
    replay: (selection) => both(selection, own.replay, (theirs) => kept.replay(theirs, again))
  }
}

/** The store's are counted last: what it sets aside had left the queue before. */
const countsOfBoth = (
  ledger: QueueLedger["Service"],
  kept: StoreLetters
): Effect.Effect<QueueCounts, EventQueueError> =>
  Effect.flatMap(ledger.counts, (counted) =>
    Effect.map(kept.counts, ({ deadLettered, lost, replayed, inFlight: { letters } }) => ({
      ...counted,
      deadLettered: sum(counted.deadLettered, deadLettered),
      replayed: sum(counted.replayed, replayed),
      lost: sum(counted.lost, lost),
      inFlight: { ...counted.inFlight, letters }
    }))
  )

const listOf = (own: Letters, kept: StoreLetters): Letters["list"] =>
  Effect.fnUntraced(function* ({ after, limit, ...of }) {
    const inKept = after !== undefined && isKept(after)
    const first = inKept ? [] : yield* own.list({ limit, ...of, ...(after === undefined ? {} : { after }) })
    if (first.length >= limit) return first
    const from = inKept ? { after: after.slice(PREFIX.length) } : {}
    const theirs = yield* kept.list({ limit: limit - first.length, ...of, ...from })
    return [...first, ...theirs.map((letter) => ({ ...letter, id: `${PREFIX}${letter.id}` }))]
  })

type Apply = (selection: DeadLetterSelection) => Effect.Effect<number, EventQueueError>

const both = Effect.fnUntraced(function* (selection: DeadLetterSelection, ofQueue: Apply, ofStore: Apply) {
  if (selection === "all") return (yield* ofQueue("all")) + (yield* ofStore("all"))
  const own = selection.filter((id) => !isKept(id))
  const theirs = selection.filter(isKept).map((id) => id.slice(PREFIX.length))
  return (own.length === 0 ? 0 : yield* ofQueue(own)) + (theirs.length === 0 ? 0 : yield* ofStore(theirs))
})

const sum = (left: ByProject, right: ByProject): ByProject => {
  const names = [...Object.keys(left), ...Object.keys(right)]
  return Object.fromEntries(names.map((name) => [name, (left[name] ?? 0) + (right[name] ?? 0)]))
}
