import { Context, type Effect, Schema } from "effect"
import type { ByProject } from "../event/Event.ts"
import type { EventBatch } from "../event/EventBatch.ts"
import { StoreMismatch } from "./StoreClaim.ts"

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
  operation: Schema.Literals(["open", "append", "unstored", "replay", "prune", "backlog", "erase", "claim"]),
  reason: Schema.Union([StoreUnavailable, StoreRejected, StoreMismatch])
}) {
  get retryable(): boolean {
    return this.reason.retryable
  }
  /** Whether it does not pass by itself, so that nothing goes on until somebody has decided. */
  get needsOperator(): boolean {
    return this.reason._tag === "StoreMismatch"
  }
  override get message(): string {
    const { reason } = this
    return `${this.operation}: ${reason._tag}: ${reason._tag === "StoreMismatch" ? reason.message : String(reason.cause)}`
  }
}

/** A position in the store's replay order; opaque, made and read by the store alone. `""` is the start. */
export type Cursor = string

export interface Page {
  readonly batches: ReadonlyArray<EventBatch>
  /** Cursor behind this page; equal to the one asked for when the page is empty. */
  readonly cursor: Cursor
  /** Events accepted that this page passes over because an earlier one has their id. */
  readonly duplicates: ByProject
  /** Events of this page that were stored and are not there any more; absent where that cannot be. */
  readonly lost?: ByProject
  /** Whether no stored event lies beyond this page, not even one hidden behind a running transaction. */
  readonly caughtUp: boolean
}

/**
 * The hot store: the idempotent, ordered record of accepted events. What else an engine can do is a service of its own beside
 * it: `StoreLedger`, `StoreErasure`, `StoreClaims`, `Horizon`, `StoreSnapshot`.
 */
export class EventStore extends Context.Service<
  EventStore,
  {
    /**
     * Appends all or nothing per call; of nothing at all it tells whether the store answers. The first payload of a
     * `(project_id, event_id)` wins; a later one changes nothing.
     */
    readonly append: (
      batches: ReadonlyArray<EventBatch>
    ) => Effect.Effect<{ readonly stored: number; readonly duplicates: number }, EventStoreError>
    /** Replays each stored event once, in an order that never puts a later-committing event before `after`. */
    readonly replay: (options: {
      readonly after: Cursor
      /** Events; a page may pass it by one batch. */
      readonly limit: number
    }) => Effect.Effect<Page, EventStoreError>
    /** Frees what lies at or before `upTo`; identities stay for the store's dedupe horizon. */
    readonly prune: (options: { readonly upTo: Cursor }) => Effect.Effect<void, EventStoreError>
  }
>()("@millrace/core/port/EventStore") {}

/**
 * The horizon of a store whose replay a running transaction can hold back; where what is stored is replayed at once there
 * is none.
 */
export class Horizon extends Context.Service<
  Horizon,
  {
    /** Age of the oldest transaction that holds the replay order back, in seconds; 0 when none does. */
    readonly ageSeconds: Effect.Effect<number, EventStoreError>
  }
>()("@millrace/core/port/Horizon") {}
