import { dirname, join } from "node:path"
import { SnapshotError, type WarehouseCopier } from "@millrace/core"
import { Effect, type Semaphore } from "effect"
import { type Connection, openDatabase } from "./client.ts"
import { DriverFailure } from "./errors.ts"
import { UNBIND } from "./origin.ts"
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

const failed = (cause: DriverFailure) => new SnapshotError({ of: "warehouse", behind: false, cause })

/** In the spool first: SQL may write nowhere else. */
export const copierOf = ({ spool, writer, writing }: Parts): WarehouseCopier => ({
  copyTo: (file) =>
    Effect.gen(function* () {
      const fresh = freshIn(spool.directory)
      const moving = Effect.tryPromise({
        try: () => moveSynced(fresh, file),
        catch: (cause) => new DriverFailure(cause)
      })
      const copying = Effect.gen(function* () {
        yield* removeFile(fresh)
        yield* copyInto(writer, fresh)
        yield* moving
        return yield* cursorOf(writer)
      })
      return yield* Effect.ensuring(copying, Effect.ignore(removeFile(fresh)))
    }).pipe((copied) => writing.withPermit(copied), Effect.mapError(failed)),
  moveCursor: (file, cursor) => Effect.mapError(Effect.scoped(moveCursor(file, cursor)), failed)
})

const cursorOf = (writer: Connection) =>
  Effect.map(writer.rows("SELECT cursor FROM watermark"), ([row]) => String(row?.["cursor"]))

/** In a database of its own, which nobody else has open. */
const moveCursor = Effect.fnUntraced(function* (file: string, cursor: string) {
  const database = yield* openDatabase({ path: file, allowedDirectory: dirname(file), config: { threads: "1" } })
  const connection = yield* database.connect
  yield* connection.rows("UPDATE watermark SET cursor = $1", [cursor])
  yield* connection.rows(UNBIND)
  yield* connection.rows("CHECKPOINT")
})
