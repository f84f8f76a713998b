import { Effect } from "effect"
import { type EventBatch, MAX_MESSAGE_BYTES } from "../event/EventBatch.ts"
import type { Tombstones } from "../event/Tombstones.ts"
import { type DeadLetterSelection, EventQueue, type EventQueueError, type QueueCounts } from "../port/EventQueue.ts"
import type { ByProject } from "../event/Event.ts"
import { QueueMeter } from "../port/QueueObserver.ts"

type Queue = EventQueue["Service"]

/** Dead letters that a hot store keeps, in the transaction that takes the events out of what it replays. */
export interface StoreLetters extends Pick<Queue, "deadLetter"> {
  readonly deadLetters: Pick<Queue["deadLetters"], "list" | "purge"> & {
    /** Hands each batch to `again`, then takes it off the list. */
    readonly replay: (
      selection: DeadLetterSelection,
      again: (batch: EventBatch) => Effect.Effect<void, EventQueueError>
    ) => Effect.Effect<number, EventQueueError>
  }
  /**
   * As {@link QueueCounts}, with `unsettled.letters`: what was appended, and what was set aside instead. Where publishing is
   * appending, `unsettled` is what was appended later.
   */
  readonly counts: Effect.Effect<Omit<QueueCounts, "waiting">, EventQueueError>
}

/** Before the ids of the store's letters: whatever a queue's own look like, they come first. */
const PREFIX = "w"
const isKept = (id: string) => id.startsWith(PREFIX)

/**
 * A queue whose store is another system, with the dead letters of both. What the warehouse refused was stored long since:
 * only the store can take it out of its order, free its identity and count it as set aside, all in one transaction, so
 * only there are such letters kept. Replayed, they pass through the queue like any other event. `tombstones`: the store's,
 * since a queue need not have any.
 */
export const withStoreLetters = (queue: Queue, kept: StoreLetters, tombstones: Tombstones): Queue => {
  const again = (batch: EventBatch) =>
    Effect.forEach(batch.split(MAX_MESSAGE_BYTES), queue.publish, { concurrency: 1, discard: true })
  const meter = new QueueMeter()
  return EventQueue.of({
    ...queue,
    tombstones,
    observe: (observer) => {
      meter.observe(observer)
      queue.observe?.(observer)
    },
    deadLetter: (given, reason) => {
      // Somebody may have been erased since the batch was read.
      const batch = tombstones.veil(given)
      return reason.stage === "warehouse"
        ? Effect.tap(kept.deadLetter(batch, reason), () =>
            Effect.sync(() => meter.deadLettered(reason.code, batch.count))
          )
        : queue.deadLetter(batch, reason)
    },
    deadLetters: {
      list: listOf(queue, kept),
      purge: (selection) =>
        both(
          selection,
          (own) => queue.deadLetters.purge(own),
          (theirs) => kept.deadLetters.purge(theirs)
        ),
      replay: (selection) =>
        both(
          selection,
          (own) => queue.deadLetters.replay(own),
          (theirs) => kept.deadLetters.replay(theirs, again)
        )
    },
    // The store's are counted last: what it sets aside had left the queue before.
    counts: Effect.flatMap(queue.counts, (counted) =>
      Effect.map(kept.counts, ({ deadLettered, lost, replayed, unsettled: { letters } }) => ({
        ...counted,
        deadLettered: sum(counted.deadLettered, deadLettered),
        replayed: sum(counted.replayed, replayed),
        lost: sum(counted.lost, lost),
        unsettled: { ...counted.unsettled, letters }
      }))
    )
  })
}

const listOf = (queue: Queue, kept: StoreLetters): Queue["deadLetters"]["list"] =>
  Effect.fnUntraced(function* ({ after, limit, ...of }) {
    const inKept = after !== undefined && isKept(after)
    const own = inKept ? [] : yield* queue.deadLetters.list({ limit, ...of, ...(after === undefined ? {} : { after }) })
    if (own.length >= limit) return own
    const from = inKept ? { after: after.slice(PREFIX.length) } : {}
    const theirs = yield* kept.deadLetters.list({ limit: limit - own.length, ...of, ...from })
    return [...own, ...theirs.map((letter) => ({ ...letter, id: `${PREFIX}${letter.id}` }))]
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
