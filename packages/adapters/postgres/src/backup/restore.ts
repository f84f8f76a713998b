import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { RestoreError, type Restorer } from "@millrace/core"
import { Effect } from "effect"
import { type Connection, type Database, openDatabase, type Row, SCHEMA } from "../client.ts"
import { defaults, type PostgresOptions } from "../config.ts"
import { DriverFailure } from "../errors.ts"
import { applyAll, knownMigrations, lockSchema } from "../migrate.ts"
import { CONTENTS_NAME, type Contents, decodeContents, FOLDER, fileOf } from "./contents.ts"
import { TABLES } from "./tables.ts"

/** For the whole of a large database. */
const WITHIN_MILLIS = 21_600_000

/** Puts the tables of a backup into a database in which millrace has nothing yet. */
export const restorer = (options: PostgresOptions): Restorer => ({
  look: (backup) => within(options, (database) => database.transaction((connection) => look(connection, backup))),
  restore: (directory, backup) =>
    within(options, (database) =>
      Effect.gen(function* () {
        const folder = join(directory, FOLDER)
        const contents = yield* readContents(folder)
        const fill = (connection: Connection) => restoreIn(connection, { backup, contents, folder })
        yield* database.transaction(fill, WITHIN_MILLIS)
      })
    )
})

const within = <A>(
  options: PostgresOptions,
  body: (database: Database) => Effect.Effect<A, DriverFailure | RestoreError>
): Effect.Effect<A, RestoreError> =>
  Effect.scoped(Effect.flatMap(openDatabase({ ...defaults, connections: 1, ...options }), body)).pipe(
    Effect.mapError((cause) =>
      cause instanceof RestoreError ? cause : new RestoreError({ of: "store", reason: "Failed", cause })
    )
  )

const refused = (reason: RestoreError["reason"], message: string) =>
  Effect.fail(new RestoreError({ of: "store", reason, cause: new Error(message) }))

const look = Effect.fnUntraced(function* (connection: Connection, backup: string) {
  const tables = yield* connection.rows(TABLES_THERE, [SCHEMA])
  if (tables.some(({ name }) => name === "restored_from")) {
    const [done] = yield* connection.rows(RESTORED, [backup])
    if (done !== undefined) return "restored"
  }
  for (const { name, quoted } of tables) {
    if (OF_NO_EVENT.has(String(name))) continue
    const [row] = yield* connection.rows({ text: `SELECT EXISTS (SELECT FROM ${String(quoted)}) AS found` })
    if (row?.["found"] === true) return yield* refused("NotEmpty", `the database is not empty: ${String(quoted)}`)
  }
  return "empty"
})

/** Rows that are made with their table, or by a server that has only been started. */
const OF_NO_EVENT = new Set(["migrations", "erasure_state", "store_state", "warehouses"])

const TABLES_THERE = {
  text: `
    SELECT relname AS name, format('%I.%I', nspname, relname) AS quoted
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = $1 AND relkind IN ('r', 'p') ORDER BY relname`
}
const RESTORED = { text: "SELECT FROM restored_from WHERE backup = $1" }

interface Filled {
  readonly backup: string
  readonly contents: Contents
  readonly folder: string
}

/**
 * The schema as it was backed up, its rows, then what migrations have come since: in one transaction, so that whatever a
 * migration does to rows it does to these, and a crash leaves nothing.
 */
const restoreIn = Effect.fnUntraced(function* (connection: Connection, { backup, contents, folder }: Filled) {
  yield* lockSchema(connection)
  yield* connection.rows({ text: "SET LOCAL idle_in_transaction_session_timeout = 0" })
  yield* clearEmpty(connection, backup)
  const known = yield* knownMigrations
  const newer = contents.migrations.filter((version) => known.every((migration) => migration.version !== version))
  if (newer.length > 0) {
    return yield* refused("Newer", `the backup has migrations that this program does not know: ${newer.join(", ")}`)
  }
  yield* applyAll(
    connection,
    known.filter(({ version }) => contents.migrations.includes(version))
  )
  for (const table of contents.tables) {
    yield* connection.rows({ text: `DELETE FROM ${table.name}` })
    yield* connection.copyInFile(
      `COPY ${table.name} (${table.columns.join(", ")}) FROM STDIN`,
      join(folder, fileOf(table.name))
    )
    yield* continueNumbers(connection, table.name)
  }
  yield* applyAll(connection, known)
  yield* connection.rows({ text: "INSERT INTO restored_from (backup) VALUES ($1)" }, [backup])
})

/** A server that was started once has left its tables: they are made anew, once it is certain that they hold nothing. */
const clearEmpty = Effect.fnUntraced(function* (connection: Connection, backup: string) {
  const tables: ReadonlyArray<Row> = yield* connection.rows(TABLES_THERE, [SCHEMA])
  if (tables.length === 0) return
  const names = tables.map(({ quoted }) => String(quoted)).join(", ")
  yield* connection.rows({ text: `LOCK TABLE ${names} IN ACCESS EXCLUSIVE MODE` })
  if ((yield* look(connection, backup)) === "restored") {
    return yield* refused("NotEmpty", "the database is restored from this backup already")
  }
  yield* connection.rows({ text: `DROP SCHEMA ${SCHEMA} CASCADE` })
})

const continueNumbers = Effect.fnUntraced(function* (connection: Connection, table: string) {
  const identity = TABLES.find(({ name }) => name === table)?.identity
  if (identity === undefined) return
  yield* connection.rows(
    {
      text: `
        SELECT setval(pg_get_serial_sequence($1, $2), coalesce(max(${identity}), 1), max(${identity}) IS NOT NULL)
        FROM ${table}`
    },
    [`${SCHEMA}.${table}`, identity]
  )
})

const readContents = (folder: string): Effect.Effect<Contents, DriverFailure> =>
  Effect.tryPromise({
    try: async () => decodeContents(await readFile(join(folder, CONTENTS_NAME), "utf8")),
    catch: (cause) => new DriverFailure(cause)
  })
