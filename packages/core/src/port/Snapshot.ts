import { Context, type Effect, Schema, type Scope } from "effect"
import type { ByProject } from "../event/Event.ts"
import type { Cursor } from "./EventStore.ts"

/** A copy that could not be made; the cause is what the file system or the engine says. */
export class SnapshotError extends Schema.TaggedError<SnapshotError>()("SnapshotError", {
  of: Schema.Literals(["store", "warehouse", "queue"]),
  /** Whether what waits in the queue has not reached the store in time: once it has, the same call works. */
  behind: Schema.Boolean,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `the ${this.of} cannot be copied: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

export interface HoldOptions {
  /** Time for what waits in a queue to get to the store behind it. */
  readonly withinMillis: number
}

/**
 * How queue and hot store are copied while they work. Hold them, copy the warehouse, then copy them: everything behind the
 * warehouse's cursor is then in their copy.
 */
export interface StoreCopier {
  /**
   * Holds both for as long as the scope: nothing is pruned, and no dead letter is between two systems; and what was
   * acknowledged before lies where `copyTo` looks for it.
   */
  readonly hold: (options: HoldOptions) => Effect.Effect<void, SnapshotError, Scope.Scope>
  /**
   * Copies all that is durable at some instant after the call, with what is known of it, into folders of its own below
   * `directory`. Events are accepted meanwhile; erasures wait. Returns where in the copy the warehouse goes on that in the
   * original goes on at `cursor`.
   */
  readonly copyTo: (directory: string, cursor: Cursor) => Effect.Effect<Cursor, SnapshotError>
}

/** How a queue in front of another store is copied; that store's copier sees to it. */
export interface QueueCopier {
  /**
   * Holds the queue as {@link StoreCopier.hold} does: whatever waited has been taken over by the store, or is a dead
   * letter.
   */
  readonly hold: StoreCopier["hold"]
  /**
   * Copies dead letters and counts into a folder of their own below `directory`, after the store's copy, which has taken
   * over `consumed` events: those were accepted and settled, and nothing waits.
   */
  readonly copyTo: (directory: string, consumed: ByProject) => Effect.Effect<void, SnapshotError>
}

/** How a warehouse in a file is copied while it works. */
export interface WarehouseCopier {
  /**
   * Copies the warehouse as of one cursor, which is returned, into a new `file`. Questions are answered meanwhile; loads
   * and erasures wait.
   */
  readonly copyTo: (file: string) => Effect.Effect<Cursor, SnapshotError>
  /**
   * Moves a copy to `cursor`, which is what its own became in the store's copy: another warehouse, of the store that it is
   * put beside.
   */
  readonly moveCursor: (file: string, cursor: Cursor) => Effect.Effect<void, SnapshotError>
}

/** Snapshots of an `EventStore` that can be copied with its queue. */
export class StoreSnapshot extends Context.Service<StoreSnapshot, StoreCopier>()("@millrace/core/port/StoreSnapshot") {}

/** Snapshots of an `EventQueue` in front of another store, where it can be copied. */
export class QueueSnapshot extends Context.Service<QueueSnapshot, QueueCopier>()("@millrace/core/port/QueueSnapshot") {}

/** Snapshots of a `Warehouse` in a file. */
export class WarehouseSnapshot extends Context.Service<WarehouseSnapshot, WarehouseCopier>()(
  "@millrace/core/port/WarehouseSnapshot"
) {}

/** A copy that could not be put back; nothing of it is there, or what is there the next try begins with. */
export class RestoreError extends Schema.TaggedError<RestoreError>()("RestoreError", {
  of: Schema.Literals(["store", "queue"]),
  reason: Schema.Literals(["NotEmpty", "Newer", "Failed"]),
  cause: Schema.Defect()
}) {
  override get message(): string {
    return this.cause instanceof Error ? this.cause.message : String(this.cause)
  }
}

/**
 * Puts the copy of one system on a server back. `backup` names the whole backup, so that a second try knows the first.
 */
export interface Restorer {
  /** Looks what is there; `restored`: from this very backup. Fails with `NotEmpty` where there is anything else. */
  readonly look: (backup: string) => Effect.Effect<"empty" | "restored", RestoreError>
  /** Restores from the folder of a backup into what is empty. A crash leaves nothing, or what the next call replaces. */
  readonly restore: (directory: string, backup: string) => Effect.Effect<void, RestoreError>
}
