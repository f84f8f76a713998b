import { Effect, type Scope } from "effect"
import type { Tombstones } from "../event/Tombstones.ts"
import type { EventBatch } from "../event/EventBatch.ts"
import {
  EventQueue,
  EventQueueError,
  PublishAmbiguous,
  QueueFull,
  QueueUnavailable,
  type Durability
} from "../port/EventQueue.ts"
import { EventStore, EventStoreError } from "../port/EventStore.ts"
import { QueueMeter } from "../port/QueueObserver.ts"
import { type CommitGroupOptions, makeCommitGroup } from "./CommitGroup.ts"
import { storeAll } from "./storeAll.ts"
import type { StoreLetters } from "./storeLetters.ts"

type Queue = EventQueue["Service"]

/** What the hot store's adapter adds to the store, so that no queue is needed. */
export interface DirectParts extends StoreLetters {
  /** What a committed append survives. */
  readonly durability: Durability
  /** The store's. */
  readonly tombstones: Tombstones
  /** Is it certain that nothing was written? */
  readonly wroteNothing: (error: EventStoreError) => boolean
}

export interface DirectOptions extends CommitGroupOptions {
  /** Until a commit without an answer is ambiguous. */
  readonly publishTimeoutMillis: number
}

export const directDefaults: DirectOptions = {
  maxEvents: 10_000,
  maxWaitingBytes: 64 * 1024 * 1024,
  concurrency: 2,
  publishTimeoutMillis: 5_000
}

const RETRY_AFTER_SECONDS = 1

/**
 * The queue of the direct profile, which holds nothing: a publish is the hot store's commit. Whoever publishes judges
 * nothing new: what a worker would have dead-lettered is dead-lettered here, before the answer.
 */
export const makeDirectQueue = (
  store: EventStore["Service"],
  parts: DirectParts,
  options: DirectOptions = directDefaults
): Effect.Effect<Queue, never, Scope.Scope> =>
  Effect.gen(function* () {
    const queue = queueOf(store, parts, options, (batch) => add(batch))
    const add = yield* makeCommitGroup<EventStoreError | EventQueueError>(
      {
        together: store.append,
        alone: (batch) =>
          storeAll([batch], 1).pipe(Effect.provideService(EventStore, store), Effect.provideService(EventQueue, queue)),
        isPermanent: (error) => !error.retryable,
        full: () => publishFailed(new QueueFull({ retryAfterSeconds: RETRY_AFTER_SECONDS })),
        closed: () => publishFailed(new PublishAmbiguous({ cause: new Error("closing") }))
      },
      options
    )
    return queue
  })

const queueOf = (
  store: EventStore["Service"],
  parts: DirectParts,
  options: DirectOptions,
  add: (batch: EventBatch) => Effect.Effect<void, EventStoreError | EventQueueError>
): Queue => {
  const publish = (batch: EventBatch) =>
    add(batch).pipe(
      Effect.mapError((error) => (error instanceof EventQueueError ? error : storeFailed(error, parts))),
      Effect.timeoutOrElse({
        duration: options.publishTimeoutMillis,
        orElse: () => Effect.fail(publishFailed(new PublishAmbiguous({ cause: new Error("no answer in time") })))
      })
    )
  const meter = new QueueMeter()
  return EventQueue.of({
    durability: parts.durability,
    observe: meter.observe,
    publish,
    // Nothing ever comes.
    take: () => Effect.never,
    deadLetter: (batch, reason) =>
      Effect.tap(parts.deadLetter(batch, reason), () =>
        Effect.sync(() => meter.deadLettered(reason.code, batch.count))
      ),
    deadLetters: { ...parts.deadLetters, replay: (selection) => parts.deadLetters.replay(selection, publish) },
    // Nothing waits either; but where the store does not answer, nothing can be published.
    depth: store.append([]).pipe(
      Effect.as({ events: 0, bytes: 0, oldestReceivedAt: undefined, lost: 0 }),
      Effect.mapError((cause) => new EventQueueError({ operation: "depth", reason: new QueueUnavailable({ cause }) }))
    ),
    counts: Effect.map(parts.counts, (counts) => ({ ...counts, waiting: {} })),
    tombstones: parts.tombstones,
    // Its letters are the store's.
    erase: () => Effect.succeed([])
  })
}

const publishFailed = (reason: EventQueueError["reason"]) => new EventQueueError({ operation: "publish", reason })

const storeFailed = (cause: EventStoreError, { wroteNothing }: DirectParts) =>
  publishFailed(wroteNothing(cause) ? new QueueUnavailable({ cause }) : new PublishAmbiguous({ cause }))
