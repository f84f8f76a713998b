import { Context, type Effect } from "effect"
import type { ByProject } from "../event/Event.ts"
import type { EventBatch } from "../event/EventBatch.ts"
import type { EventQueueError } from "./EventQueue.ts"
import type { Cursor, EventStoreError } from "./EventStore.ts"
import type { WarehouseError } from "./Warehouse.ts"

/**
 * The positions of one log whose messages nobody has acknowledged, those yet to come included: ascending ranges
 * `[start, end)`, the last of which ends at `Number.MAX_SAFE_INTEGER`.
 */
export interface InFlight {
  readonly log: string
  readonly positions: ReadonlyArray<readonly [start: number, end: number]>
  /**
   * Dead letters of the store's own that the counts hold, where it keeps some; opaque, made and read by the store alone.
   */
  readonly letters?: string | undefined
}

/** Counts since the queue was made; none of them ever falls but where it says so. */
export interface QueueCounts {
  /** Events durably published, replays included. */
  readonly accepted: ByProject
  /** Events ever set aside, whether since replayed, purged or still listed. */
  readonly deadLettered: ByProject
  readonly replayed: ByProject
  /** Events accepted, not acknowledged, not dead-lettered: this one falls. */
  readonly waiting: ByProject
  /**
   * Events accepted, and gone before anybody acknowledged them: by a count that does not come from what is left. Falls when
   * something turns up again.
   */
  readonly lost: ByProject
  /**
   * Positions that these counts hold for waiting; an event that a store took from there already is counted twice
   * otherwise.
   */
  readonly inFlight: InFlight
}

/** A queue's account of every event that it accepted. */
export class QueueLedger extends Context.Service<
  QueueLedger,
  {
    readonly counts: Effect.Effect<QueueCounts, EventQueueError>
    /** Events lost, as in the counts, of all projects; for who looks often. */
    readonly lost: Effect.Effect<number, EventQueueError>
  }
>()("@millrace/core/port/QueueLedger") {}

/** A store's account of what it took from a queue. */
export class StoreLedger extends Context.Service<
  StoreLedger,
  {
    /** The parts of a batch, as it was taken from a queue, that no append has taken over; in order. */
    readonly unstored: (batch: EventBatch) => Effect.Effect<ReadonlyArray<EventBatch>, EventStoreError>
    /**
     * Counts accepted events after `after`, duplicates included, dead letters (those of `inFlight.letters`) not; less
     * all that was ever stored of messages in `inFlight`, so a project's may be below 0. One snapshot, read after the
     * call was made.
     */
    readonly backlog: (after: Cursor, inFlight?: InFlight) => Effect.Effect<ByProject, EventStoreError>
  }
>()("@millrace/core/port/StoreLedger") {}

export interface WarehouseCounts {
  /** The cursor these counts belong to, read in the same transaction. */
  readonly cursor: Cursor
  readonly stored: ByProject
  /** Events accepted, at or before the cursor, whose id was there already. */
  readonly duplicates: ByProject
  /** Events at or before the cursor that the store had lost when its page was loaded. */
  readonly lost: ByProject
}

/** A warehouse's account of what it loaded. */
export class WarehouseLedger extends Context.Service<
  WarehouseLedger,
  { readonly counts: Effect.Effect<WarehouseCounts, WarehouseError> }
>()("@millrace/core/port/WarehouseLedger") {}
