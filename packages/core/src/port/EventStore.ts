import { Context, type Effect, Schema } from "effect"
import type { Erasure } from "../erasure/Tombstones.ts"
import type { ByProject } from "../event/Event.ts"
import type { EventBatch } from "../event/EventBatch.ts"
import type { Erased } from "./Erased.ts"
import type { Unsettled } from "./EventQueue.ts"

/** The store cannot be reached, is shutting down or lost its connection: try again. */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  cause: Schema.Defect()
}) {
  readonly retryable = true
}
/** The store refuses this data and will refuse it again. */
export class StoreRejected extends Schema.TaggedError<StoreRejected>()("StoreRejected", {
  cause: Schema.Defect()
}) {
  readonly retryable = false
}

export class EventStoreError extends Schema.TaggedError<EventStoreError>()("EventStoreError", {
  operation: Schema.Literals(["open", "append", "unstored", "replay", "prune", "backlog", "erase"]),
  reason: Schema.Union([StoreUnavailable, StoreRejected])
}) {
  get retryable(): boolean {
    return this.reason.retryable
  }
  override get message(): string {
    return `${this.operation}: ${this.reason._tag}: ${String(this.reason.cause)}`
  }
}

/** A place in the store's replay order; opaque, made and read by the store alone. `""` is the start. */
export type Cursor = string

export interface Page {
  readonly batches: ReadonlyArray<EventBatch>
  /** After this page; equal to the cursor asked for when the page is empty. */
  readonly cursor: Cursor
  /** Accepted events that this page passes over because an earlier one has their id. */
  readonly duplicates: ByProject
  /** Events of this page that were stored and are not there any more; absent where that cannot be. */
  readonly lost?: ByProject
  /** No stored event lies beyond this page, not even one hidden behind a running transaction. */
  readonly caughtUp: boolean
}

/** The hot store: the idempotent, ordered record of accepted events. */
export class EventStore extends Context.Service<
  EventStore,
  {
    /** All or nothing per call; of nothing at all it tells whether the store answers. The first payload of a `(project_id, event_id)` wins; a later one changes nothing. */
    readonly append: (
      batches: ReadonlyArray<EventBatch>
    ) => Effect.Effect<{ readonly stored: number; readonly duplicates: number }, EventStoreError>
    /** The parts of a batch, as it was taken from a queue, that no append has taken over; in order. */
    readonly unstored: (batch: EventBatch) => Effect.Effect<ReadonlyArray<EventBatch>, EventStoreError>
    /** Each stored event once, in an order that never puts a later-committing event before `after`. */
    readonly replay: (options: {
      readonly after: Cursor
      /** Events; a page may pass it by one batch. */
      readonly limit: number
    }) => Effect.Effect<Page, EventStoreError>
    /**
     * Accepted events after `after`, duplicates included, dead letters (those of `unsettled.letters`) not; less all that was ever stored of messages
     * in `unsettled`, so a project's may be below 0. One snapshot, read after the call was made.
     */
    readonly backlog: (after: Cursor, unsettled?: Unsettled) => Effect.Effect<ByProject, EventStoreError>
    /**
     * Age of the oldest transaction that holds the replay order back, in seconds; 0 when none does. Absent where what is
     * stored is replayed at once.
     */
    readonly horizonAgeSeconds?: Effect.Effect<number, EventStoreError>
    /** Frees what lies at or before `upTo`; identities stay for the store's dedupe horizon. */
    readonly prune: (options: { readonly upTo: Cursor }) => Effect.Effect<void, EventStoreError>
    /**
     * Durably leaves shells of the user's events, here and of whatever is appended later, and no byte of them behind. Cursors
     * and counts stay as they are. Repeated, it does what is left to do.
     */
    readonly erase: (erasure: Erasure) => Effect.Effect<ReadonlyArray<Erased>, EventStoreError>
  }
>()("@millrace/core/port/EventStore") {}
