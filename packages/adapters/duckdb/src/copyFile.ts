import { join } from "node:path"
import { SnapshotError, type WarehouseCopier } from "@millrace/core"
import { Effect, type Semaphore } from "effect"
import type { Connection } from "./client.ts"
import { DriverFailure } from "./failure.ts"
import { copyInto, removeFile } from "./rewriteFile.ts"
import type { Spool } from "./spool.ts"
import { moveSynced } from "./takePlace.ts"

interface Parts {
  readonly writer: Connection
  readonly writing: Semaphore.Semaphore
  readonly spool: Pick<Spool, "directory">
}

const freshIn = (directory: string) => join(directory, "copied.duckdb")

/** Of a copy that a crash cut short: no erasure would find it. */
export const removeUnfinished = ({ directory }: Pick<Spool, "directory">) => removeFile(freshIn(directory))

/** In the spool first: SQL may write nowhere else. */
export const copierOf = ({ spool, writer, writing }: Parts): WarehouseCopier => ({
  copyTo: (file) =>
    Effect.suspend(() => {
      const fresh = freshIn(spool.directory)
      const copying = Effect.andThen(removeFile(fresh), copyInto(writer, fresh))
      const moving = Effect.tryPromise({
        try: () => moveSynced(fresh, file),
        catch: (cause) => new DriverFailure(cause)
      })
      return Effect.andThen(copying, moving).pipe(
        Effect.ensuring(Effect.ignore(removeFile(fresh))),
        (copied) => writing.withPermit(copied),
        Effect.mapError((cause) => new SnapshotError({ of: "warehouse", cause }))
      )
    })
})
