import { existsSync } from "node:fs"
import { chmod, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { SnapshotError, type WarehouseCopier } from "@millrace/core"
import { Effect, type Scope, type Semaphore } from "effect"
import { type Connection, type Database, type DatabaseSettings, openDatabase, quotedText } from "./client.ts"
import { DriverFailure } from "./errors.ts"
import { migrate } from "./migrate.ts"
import { UNBIND } from "./origin.ts"
import type { Spool } from "./spool.ts"
import { besideOf, moveSynced, takePlace } from "./takePlace.ts"

/** Behind the name of a database, of one that is being made. */
const FRESH = ".fresh"

/** For its owner alone. */
const MODE = 0o600

/**
 * Makes a database that is not there under another name first: a process that dies while the driver writes the first blocks
 * leaves a file that nobody can open, and whoever starts next would find it under the name.
 */
export const createFile = Effect.fn("DuckDb.createFile")(function* (settings: DatabaseSettings) {
  const { path } = settings
  if (path === ":memory:" || existsSync(path)) return
  const fresh = `${path}${FRESH}`
  yield* attempt(async () => {
    for (const left of [fresh, `${fresh}.wal`]) await rm(left, { force: true })
  })
  yield* Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* (yield* openDatabase({ ...settings, path: fresh })).connect
      yield* migrate(connection)
      yield* connection.rows("CHECKPOINT")
    })
  )
  yield* attempt(() => chmod(fresh, MODE))
  yield* attempt(() => takePlace(fresh, path))
})

const attempt = (task: () => Promise<void>) =>
  Effect.tryPromise({ try: task, catch: (cause) => new DriverFailure(cause) })

interface CopyParts {
  readonly writer: Connection
  readonly writing: Semaphore.Semaphore
  readonly spool: Pick<Spool, "directory">
}

const copyIn = (directory: string) => join(directory, "copied.duckdb")

/** Removes a copy that a crash cut short: no erasure would find it. */
export const removeUnfinished = ({ directory }: Pick<Spool, "directory">) => removeFile(copyIn(directory))

const failed = (cause: DriverFailure) => new SnapshotError({ of: "warehouse", behind: false, cause })

/** Copier of the database, into the spool first: SQL may write nowhere else. */
export const copierOf = ({ spool, writer, writing }: CopyParts): WarehouseCopier => ({
  copyTo: (file) =>
    Effect.gen(function* () {
      const fresh = copyIn(spool.directory)
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

/** Whether several layers of this process have one file open: then each changes it under the others. */
export interface Sharing {
  readonly isShared: () => boolean
  /** What to do once another layer opens the file as well: whatever is remembered of it is out of date from then on. */
  readonly onShared: (listener: () => void) => void
}

/** By file, what to do in each layer that has it open. */
const opened = new Map<string, Set<() => void>>()

/** For as long as the scope lives. */
export const shareFile = (path: string): Effect.Effect<Sharing, never, Scope.Scope> =>
  Effect.gen(function* () {
    const listeners: Array<() => void> = []
    const tell = () => {
      for (const listener of listeners) listener()
    }
    const layers = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const known = path === ":memory:" ? new Set<() => void>() : (opened.get(path) ?? new Set())
        if (path !== ":memory:") opened.set(path, known)
        for (const tellOther of known) tellOther()
        return known.add(tell)
      }),
      (known) =>
        Effect.sync(() => {
          known.delete(tell)
          if (known.size === 0) opened.delete(path)
        })
    )
    return { isShared: () => layers.size > 1, onShared: (listener) => void listeners.push(listener) }
  })

export type Alone = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

interface RewriteParts {
  readonly path: string
  /** Where SQL may write. */
  readonly directory: string
  readonly database: Database
  readonly writer: Connection
  readonly alone: Alone
}

/**
 * Copies every table into a fresh file, which then takes the database's place. Neither CHECKPOINT nor VACUUM overwrites
 * deleted rows (ADR 34): in a file that was never written to by them there are none. Questions are answered meanwhile,
 * but for the moment of the change.
 */
export const rewriteFile = ({ alone, database, directory, path, writer }: RewriteParts) =>
  Effect.suspend(() => {
    if (path === ":memory:") return Effect.asVoid(writer.rows(NOTHING_DUE("erasure_state")))
    const fresh = rewrittenIn(directory)
    return Effect.gen(function* () {
      yield* removeFile(fresh)
      yield* copyInto(writer, fresh)
      // The write-ahead log must be gone before another file takes the name.
      yield* alone(Effect.andThen(writer.rows("CHECKPOINT"), database.replaceBy(fresh)))
    }).pipe(Effect.ensuring(Effect.ignore(removeFile(fresh))))
  })

const rewrittenIn = (directory: string) => join(directory, "rewritten.duckdb")

/** Removes a rewriting that a crash cut short, also between two file systems: no erasure would find it. */
export const removeUnfinishedRewrite = (path: string, directory: string) =>
  Effect.andThen(removeFile(rewrittenIn(directory)), path === ":memory:" ? Effect.void : removeFile(besideOf(path)))

const NOTHING_DUE = (table: string) => `UPDATE ${table} SET rewrite_due = false`

/** Every table into a fresh file, as of one instant, while nobody else writes; in it nothing is due. */
const copyInto = (writer: Connection, fresh: string) =>
  Effect.gen(function* () {
    const [own] = yield* writer.rows("SELECT encode(current_database()) AS name")
    yield* writer.rows(`ATTACH ${quotedText(fresh)} AS rewritten`)
    yield* writer.rows(`COPY FROM DATABASE "${String(own?.["name"]).replaceAll('"', '""')}" TO rewritten`)
    yield* writer.rows(NOTHING_DUE("rewritten.erasure_state"))
    yield* writer.rows("CHECKPOINT rewritten")
  }).pipe(Effect.ensuring(Effect.ignore(writer.rows("DETACH rewritten"))))

const removeFile = (file: string) =>
  Effect.tryPromise({
    try: () => Promise.all([rm(file, { force: true }), rm(`${file}.wal`, { force: true })]),
    catch: (cause) => new DriverFailure(cause)
  })
