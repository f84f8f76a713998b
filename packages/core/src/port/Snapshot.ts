import { Context, type Effect, Schema, type Scope } from "effect"

/** A copy could not be made; the cause is what the file system or the engine says. */
export class SnapshotError extends Schema.TaggedError<SnapshotError>()("SnapshotError", {
  of: Schema.Literals(["store", "warehouse"]),
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `the ${this.of} cannot be copied: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/**
 * How a queue and hot store on files is copied while it works. Hold it, copy the warehouse, then copy it: everything
 * behind the warehouse's cursor is then in its copy.
 */
export interface StoreCopier {
  /** Nothing is pruned for as long as the scope. */
  readonly hold: Effect.Effect<void, never, Scope.Scope>
  /**
   * Copies all that is durable at some instant after the call, with what it knows of it, into an empty `directory`. Events
   * are accepted meanwhile; erasures wait.
   */
  readonly copyTo: (directory: string) => Effect.Effect<void, SnapshotError>
}

/** How a warehouse in a file is copied while it works. */
export interface WarehouseCopier {
  /** The warehouse as of one cursor, in a new `file`. Questions are answered meanwhile; loads and erasures wait. */
  readonly copyTo: (file: string) => Effect.Effect<void, SnapshotError>
}

/** Beside an `EventStore` on files; `undefined` beside all others, which have means of their own. */
export const StoreSnapshot: Context.Reference<StoreCopier | undefined> = Context.Reference(
  "@millrace/core/StoreSnapshot",
  { defaultValue: (): StoreCopier | undefined => undefined }
)

/** Beside a `Warehouse` in a file; `undefined` beside all others. */
export const WarehouseSnapshot: Context.Reference<WarehouseCopier | undefined> = Context.Reference(
  "@millrace/core/WarehouseSnapshot",
  { defaultValue: (): WarehouseCopier | undefined => undefined }
)
