import { Context, type Effect } from "effect"
import type { ByProject } from "../event/Event.ts"
import type { Cursor, EventStoreError } from "./EventStore.ts"
import type { WarehouseError } from "./Warehouse.ts"

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

/** Claims on a store that may outlive a warehouse, or be outlived by it. */
export class StoreClaims extends Context.Service<
  StoreClaims,
  {
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
>()("@millrace/core/port/StoreClaims") {}

/** The tie between a warehouse and the store that fills it: of a warehouse that may outlive a store, or be outlived by it. */
export class WarehouseOrigin extends Context.Service<
  WarehouseOrigin,
  {
    /** Names that were made with the warehouse, and are copied with it. */
    readonly read: Effect.Effect<{ readonly id: string; readonly store: string | undefined }, WarehouseError>
    /** Notes the store that fills it from now on; undefined: whichever comes. */
    readonly bind: (store: string | undefined) => Effect.Effect<void, WarehouseError>
    /**
     * Goes on after `cursor`; what was loaded stays. With `counted` the counts begin anew at these, and
     * whatever is here already when it is loaded again is counted as stored, until a load has reached the store's end. `lost`
     * was accepted before the cursor, and will never be loaded.
     */
    readonly restart: (to: {
      readonly cursor: Cursor
      readonly counted?: ByProject
      readonly lost?: ByProject
    }) => Effect.Effect<void, WarehouseError>
  }
>()("@millrace/core/port/WarehouseOrigin") {}
