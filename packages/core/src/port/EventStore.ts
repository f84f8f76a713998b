import { Context, type Effect, Schema } from "effect"
import type { Erasure } from "../event/Tombstones.ts"
import type { ByProject } from "../event/Event.ts"
import type { EventBatch } from "../event/EventBatch.ts"
import type { Erased } from "../event/Erased.ts"
import type { Unsettled } from "./EventQueue.ts"
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

/** A warehouse that is filled from a store. */
export interface ClaimingWarehouse {
  /** Names it, whatever folder it lies in. */
  readonly id: string
  /** The store that filled it so far; undefined for one that is new, restored, or older than such names. */
  readonly store: string | undefined
  readonly cursor: Cursor
}

/**
 * The right to fill a warehouse from a store, for as long as nobody else takes it. Each check fails with `StoreMismatch`.
 */
export interface StoreClaim {
  /** Names the store; a copy that was restored has another name. */
  readonly store: string
  /** Checks that the warehouse may still go on at its cursor. */
  readonly check: (cursor: Cursor) => Effect.Effect<void, EventStoreError>
  /**
   * Advances the claim: checks as `check` does, before a page is loaded, and notes that the warehouse may have come to
   * `to`, so that a store that goes back tells.
   */
  readonly advance: (cursor: Cursor, to: Cursor) => Effect.Effect<void, EventStoreError>
}

export interface StoreClaims {
  /**
   * Claims the store; fails with `StoreMismatch` where the two do not belong together. `takeOver`: from whichever
   * warehouse it was.
   */
  readonly claim: (
    warehouse: ClaimingWarehouse,
    options: { readonly takeOver: boolean }
  ) => Effect.Effect<StoreClaim, EventStoreError>
  /** Lets the warehouse go on at this cursor, however far it had come. */
  readonly reset: (warehouse: Omit<ClaimingWarehouse, "store">) => Effect.Effect<void, EventStoreError>
  /** The first cursor behind which nothing is pruned; `""` where nothing is. */
  readonly start: Effect.Effect<Cursor, EventStoreError>
  /** Other warehouses that were filled from here, and may hold events still. */
  readonly others: (id: string) => Effect.Effect<ReadonlyArray<string>, EventStoreError>
  /** Forgets one that is gone, or has been erased from by itself. */
  readonly forget: (id: string) => Effect.Effect<void, EventStoreError>
}

/** The hot store: the idempotent, ordered record of accepted events. */
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
    /** The parts of a batch, as it was taken from a queue, that no append has taken over; in order. */
    readonly unstored: (batch: EventBatch) => Effect.Effect<ReadonlyArray<EventBatch>, EventStoreError>
    /** Replays each stored event once, in an order that never puts a later-committing event before `after`. */
    readonly replay: (options: {
      readonly after: Cursor
      /** Events; a page may pass it by one batch. */
      readonly limit: number
    }) => Effect.Effect<Page, EventStoreError>
    /**
     * Counts accepted events after `after`, duplicates included, dead letters (those of `unsettled.letters`) not; less
     * all that was ever stored of messages in `unsettled`, so a project's may be below 0. One snapshot, read after the
     * call was made.
     */
    readonly backlog: (after: Cursor, unsettled?: Unsettled) => Effect.Effect<ByProject, EventStoreError>
    /** Frees what lies at or before `upTo`; identities stay for the store's dedupe horizon. */
    readonly prune: (options: { readonly upTo: Cursor }) => Effect.Effect<void, EventStoreError>
    /**
     * Erases durably: leaves shells of the user's events, here and of whatever is appended later, and no byte of them
     * behind. Cursors and counts stay as they are. Repeated, it does what is left to do.
     */
    readonly erase: (erasure: Erasure) => Effect.Effect<ReadonlyArray<Erased>, EventStoreError>
    /** Claims on a store that may outlive a warehouse, or be outlived by it. */
    readonly claims?: StoreClaims
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
