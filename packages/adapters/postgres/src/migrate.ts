import { applyMigrations, type Migration, readMigrations } from "@millrace/core/node"
import { Effect } from "effect"
import { type Connection, type Database, SCHEMA } from "./client.ts"
import { DriverFailure } from "./failure.ts"

const FOLDER = new URL("../migrations/", import.meta.url)

/** Any number that no one else uses as an advisory lock: "mill" in ASCII. */
const LOCK = 0x6d696c6c

/** For this process's own work and the wait for another's. */
const WITHIN_MILLIS = 3_600_000

/** All that this program knows, in their order. */
export const knownMigrations: Effect.Effect<ReadonlyArray<Migration>, DriverFailure> = Effect.tryPromise({
  try: () => readMigrations(FOLDER),
  catch: (cause) => new DriverFailure(cause)
})

/** Brings the schema up to date in one transaction, one process at a time; refuses a schema newer than this program. */
export const migrate = Effect.fn("Postgres.migrate")(function* (database: Database) {
  const migrations = yield* knownMigrations
  yield* database.transaction(
    (connection) => Effect.andThen(lockSchema(connection), applyAll(connection, migrations)),
    WITHIN_MILLIS
  )
})

/** Until the transaction ends nobody else changes the schema. */
export const lockSchema = Effect.fnUntraced(function* (connection: Connection) {
  // Another process may be at a long migration.
  yield* connection.rows({ text: "SET LOCAL statement_timeout = 0" })
  yield* connection.rows({ text: "SELECT pg_advisory_xact_lock($1)" }, [LOCK])
})

/** Those of `migrations` that have not been applied; refuses a schema that is newer than their last. */
export const applyAll = (
  connection: Connection,
  migrations: ReadonlyArray<Migration>
): Effect.Effect<void, DriverFailure> =>
  applyMigrations(migrations, {
    applied: appliedIn(connection),
    apply: ({ sql, version }) =>
      Effect.andThen(
        connection.rows({ text: sql }),
        connection.rows({ text: "INSERT INTO migrations (version) VALUES ($1)" }, [version])
      ),
    refuse: (problem) => new DriverFailure(problem)
  })

const appliedIn = Effect.fnUntraced(function* (connection: Connection) {
  yield* connection.rows({ text: `CREATE SCHEMA IF NOT EXISTS ${SCHEMA}` })
  yield* connection.rows({
    text: "CREATE TABLE IF NOT EXISTS migrations (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
  })
  const rows = yield* connection.rows({ text: "SELECT version FROM migrations" })
  return rows.map((row) => Number(row["version"]))
})
