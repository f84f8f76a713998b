import { applyMigrations, type Migration, readMigrations } from "@millrace/core/node"
import { Effect } from "effect"
import { type Connection, type Database, SCHEMA } from "./client.ts"
import { DriverFailure } from "./errors.ts"

const FOLDER = new URL("../migrations/", import.meta.url)
const WAREHOUSE_FOLDER = new URL("warehouse/", FOLDER)

/** The warehouse's tables live apart from the hot store's. */
export const WAREHOUSE_SCHEMA = "millrace_warehouse"

/** Any number that no one else uses as an advisory lock: "mill" in ASCII. */
const LOCK = 0x6d696c6c

/** For this process's own work and the wait for another's. */
const WITHIN_MILLIS = 3_600_000

/** All that this program knows, in their order. */
export const knownMigrations: Effect.Effect<ReadonlyArray<Migration>, DriverFailure> = migrationsIn(FOLDER)

/** Brings the schema up to date in one transaction, one process at a time; refuses a schema newer than this program. */
export const migrate = Effect.fn("Postgres.migrate")(function* (database: Database) {
  yield* migrateTo(database, yield* knownMigrations, SCHEMA)
})

/** The same of the warehouse's. */
export const migrateWarehouse = Effect.fn("Postgres.migrateWarehouse")(function* (database: Database) {
  yield* migrateTo(database, yield* migrationsIn(WAREHOUSE_FOLDER), WAREHOUSE_SCHEMA)
})

const migrateTo = (database: Database, migrations: ReadonlyArray<Migration>, schema: string) =>
  database.transaction(
    (connection) => Effect.andThen(lockSchema(connection), applyAll(connection, migrations, schema)),
    WITHIN_MILLIS
  )

function migrationsIn(folder: URL) {
  return Effect.tryPromise({ try: () => readMigrations(folder), catch: (cause) => new DriverFailure(cause) })
}

/** Until the transaction ends nobody else changes the schema. */
export const lockSchema = Effect.fnUntraced(function* (connection: Connection) {
  // Another process may be at a long migration.
  yield* connection.rows({ text: "SET LOCAL statement_timeout = 0" })
  yield* connection.rows({ text: "SELECT pg_advisory_xact_lock($1)" }, [LOCK])
})

/** Those of `migrations` that have not been applied; refuses a schema that is newer than their last. */
export const applyAll = (
  connection: Connection,
  migrations: ReadonlyArray<Migration>,
  schema: string = SCHEMA
): Effect.Effect<void, DriverFailure> =>
  applyMigrations(migrations, {
    applied: appliedIn(connection, schema),
    apply: ({ sql, version }) =>
      Effect.andThen(
        connection.rows({ text: sql }),
        connection.rows({ text: "INSERT INTO migrations (version) VALUES ($1)" }, [version])
      ),
    refuse: (problem) => new DriverFailure(problem)
  })

const appliedIn = Effect.fnUntraced(function* (connection: Connection, schema: string) {
  yield* connection.rows({ text: `CREATE SCHEMA IF NOT EXISTS ${schema}` })
  yield* connection.rows({
    text: "CREATE TABLE IF NOT EXISTS migrations (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
  })
  const rows = yield* connection.rows({ text: "SELECT version FROM migrations" })
  return rows.map((row) => Number(row["version"]))
})
