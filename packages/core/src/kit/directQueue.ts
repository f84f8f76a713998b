import { Context, Effect, type Scope } from "effect"
import type { Tombstones } from "../event/Tombstones.ts"
import type { EventBatch } from "../event/EventBatch.ts"
import { DeadLetters } from "../port/DeadLetters.ts"
import { QueueErasure } from "../port/Erasure.ts"
import {
  EventQueue,
  EventQueueError,
  PublishAmbiguous,
  QueueFull,
  QueueUnavailable,
  type Durability
} from "../port/EventQueue.ts"
import { EventStore, type EventStoreError } from "../port/EventStore.ts"
import { QueueLedger } from "../port/Ledger.ts"
import { QueueMeter, QueueObservation } from "../port/QueueObserver.ts"
import type { QueueServices } from "../port/services.ts"
import { type CommitGroupOptions, makeCommitGroup } from "./CommitGroup.ts"
import { storeAll } from "./storeAll.ts"
import type { StoreLetters } from "./storeLetters.ts"

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
): Effect.Effect<Context.Context<QueueServices>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const meter = new QueueMeter()
    const put: DeadLetters["Service"]["put"] = (batch, reason) =>
      Effect.tap(parts.put(batch, reason), () => Effect.sync(() => meter.deadLettered(reason.code, batch.count)))
    const letters: DeadLetters["Service"] = {
      put,
      list: parts.list,
      purge: parts.purge,
      replay: (selection) => parts.replay(selection, publish)
    }
    const add = yield* makeCommitGroup<EventStoreError | EventQueueError>(
      {
        together: store.append,
        alone: (batch) =>
          storeAll([batch], 1).pipe(
            Effect.provideService(EventStore, store),
            Effect.provideService(DeadLetters, letters)
          ),
        isPermanent: (error) => !error.retryable,
        full: () => publishFailed(new QueueFull({ retryAfterSeconds: RETRY_AFTER_SECONDS })),
        closed: () => publishFailed(new PublishAmbiguous({ cause: new Error("closing") }))
      },
      options
    )
    const publish = publishBy(add, parts, options)
    return Context.make(EventQueue, queueOf(store, parts, publish)).pipe(
      Context.add(DeadLetters, letters),
      Context.add(QueueLedger, {
        counts: Effect.map(parts.counts, (counts) => ({ ...counts, waiting: {} })),
        lost: Effect.succeed(0)
      }),
      // Its letters are the store's.
      Context.add(QueueErasure, { tombstones: parts.tombstones, erase: () => Effect.succeed([]) }),
      Context.add(QueueObservation, { observe: meter.observe })
    )
  })

type Publish = EventQueue["Service"]["publish"]

const publishBy =
  (
    add: (batch: EventBatch) => Effect.Effect<void, EventStoreError | EventQueueError>,
    parts: DirectParts,
    options: DirectOptions
  ): Publish =>
  (batch) =>
    add(batch).pipe(
      Effect.mapError((error) => (error instanceof EventQueueError ? error : storeFailed(error, parts))),
      Effect.timeoutOrElse({
        duration: options.publishTimeoutMillis,
        orElse: () => Effect.fail(publishFailed(new PublishAmbiguous({ cause: new Error("no answer in time") })))
      })
    )

const queueOf = (
  store: EventStore["Service"],
  { durability }: DirectParts,
  publish: Publish
): EventQueue["Service"] => ({
  durability,
  publish,
  // Nothing ever comes.
  take: () => Effect.never,
  // Nothing waits either; but where the store does not answer, nothing can be published.
  waiting: store.append([]).pipe(
    Effect.as({ events: 0, bytes: 0, oldestReceivedAt: undefined }),
    Effect.mapError((cause) => new EventQueueError({ operation: "depth", reason: new QueueUnavailable({ cause }) }))
  )
})

const publishFailed = (reason: EventQueueError["reason"]) => new EventQueueError({ operation: "publish", reason })

const storeFailed = (cause: EventStoreError, { wroteNothing }: DirectParts) =>
  publishFailed(wroteNothing(cause) ? new QueueUnavailable({ cause }) : new PublishAmbiguous({ cause }))
