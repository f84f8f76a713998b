import { rm } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { type Connection, type Database, quotedText } from "./client.ts"
import { DriverFailure } from "./errors.ts"
import { besideOf } from "./takePlace.ts"

export type Alone = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

interface Parts {
  readonly path: string
  /** Where SQL may write. */
  readonly directory: string
  readonly database: Database
  readonly writer: Connection
  readonly alone: Alone
}

/**
 * Copies every table into a fresh file, which then takes the database's place. Neither CHECKPOINT nor VACUUM overwrites
 * deleted rows (ADR 34): in a file that was never written to by them there are none. Questions are answered meanwhile, but for
 * the moment of the change.
 */
export const rewriteFile = ({ alone, database, directory, path, writer }: Parts) =>
  Effect.suspend(() => {
    if (path === ":memory:") return Effect.asVoid(writer.rows(NOTHING_DUE("erasure_state")))
    const fresh = freshIn(directory)
    return Effect.gen(function* () {
      yield* removeFile(fresh)
      yield* copyInto(writer, fresh)
      // The write-ahead log must be gone before another file takes the name.
      yield* alone(Effect.andThen(writer.rows("CHECKPOINT"), database.replaceBy(fresh)))
    }).pipe(Effect.ensuring(Effect.ignore(removeFile(fresh))))
  })

const freshIn = (directory: string) => join(directory, "rewritten.duckdb")

/** Of a rewriting that a crash cut short, also between two file systems: no erasure would find it. */
export const removeUnfinishedRewrite = (path: string, directory: string) =>
  Effect.andThen(removeFile(freshIn(directory)), path === ":memory:" ? Effect.void : removeFile(besideOf(path)))

const NOTHING_DUE = (table: string) => `UPDATE ${table} SET rewrite_due = false`

/** Every table into a fresh file, as of one instant, while nobody else writes; in it nothing is due. */
export const copyInto = (writer: Connection, fresh: string) =>
  Effect.gen(function* () {
    const [own] = yield* writer.rows("SELECT encode(current_database()) AS name")
    yield* writer.rows(`ATTACH ${quotedText(fresh)} AS rewritten`)
    yield* writer.rows(`COPY FROM DATABASE "${String(own?.["name"]).replaceAll('"', '""')}" TO rewritten`)
    yield* writer.rows(NOTHING_DUE("rewritten.erasure_state"))
    yield* writer.rows("CHECKPOINT rewritten")
  }).pipe(Effect.ensuring(Effect.ignore(writer.rows("DETACH rewritten"))))

export const removeFile = (file: string) =>
  Effect.tryPromise({
    try: () => Promise.all([rm(file, { force: true }), rm(`${file}.wal`, { force: true })]),
    catch: (cause) => new DriverFailure(cause)
  })
