import { Context, type Effect } from "effect"
import type { Erased } from "../event/Erased.ts"
import type { Erasure, Tombstones } from "../event/Tombstones.ts"
import type { EventQueueError } from "./EventQueue.ts"
import type { EventStoreError } from "./EventStore.ts"
import type { WarehouseError } from "./Warehouse.ts"

/** Erasure in a queue that can take back what waits in it. */
export class QueueErasure extends Context.Service<
  QueueErasure,
  {
    /**
     * Tombstones of those whose old events are published redacted; whoever publishes sees to it. Empty where the queue
     * keeps none.
     */
    readonly tombstones: Tombstones
    /**
     * Erases durably: leaves redacted the events that wait, takes the dead letters off the list, and leaves no byte of
     * either behind. Counts stay as they are. Repeated, it does what is left to do.
     */
    readonly erase: (erasure: Erasure) => Effect.Effect<ReadonlyArray<Erased>, EventQueueError>
  }
>()("@millrace/core/port/QueueErasure") {}

/** Erasure in a hot store. */
export class StoreErasure extends Context.Service<
  StoreErasure,
  {
    /**
     * Erases durably: leaves redacted the user's events, here and of whatever is appended later, and no byte of them
     * behind. Cursors and counts stay as they are. Repeated, it does what is left to do.
     */
    readonly erase: (erasure: Erasure) => Effect.Effect<ReadonlyArray<Erased>, EventStoreError>
  }
>()("@millrace/core/port/StoreErasure") {}

/** Erasure in a warehouse. */
export class WarehouseErasure extends Context.Service<
  WarehouseErasure,
  {
    /**
     * Erases the user: deletes their events and whatever was derived from them, here and of whatever is loaded later, and
     * leaves no byte of them behind; counts stay as they are. Returns how many events. Repeated, it does what is left to
     * do.
     */
    readonly erase: (erasure: Erasure) => Effect.Effect<number, WarehouseError>
  }
>()("@millrace/core/port/WarehouseErasure") {}
