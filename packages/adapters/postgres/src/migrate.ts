import { readdir, readFile } from "node:fs/promises"
import { Effect } from "effect"
import { type Connection, type Database, SCHEMA } from "./client.ts"
import { DriverFailure } from "./failure.ts"

const FOLDER = new URL("../migrations/", import.meta.url)

/** Any number that no one else uses as an advisory lock: "mill" in ASCII. */
const LOCK = 0x6d696c6c

/** For this process's own work and the wait for another's. */
const WITHIN_MILLIS = 3_600_000

export interface Migration {
  readonly version: number
  readonly sql: string
}

const readFolder = async (): Promise<ReadonlyArray<Migration>> => {
  const names = (await readdir(FOLDER)).filter((name) => /^\d{4}_.+\.sql$/u.test(name)).toSorted()
  return Promise.all(
    names.map(async (name) => ({
      version: Number(name.slice(0, 4)),
      sql: await readFile(new URL(name, FOLDER), "utf8")
    }))
  )
}

/** All that this program knows, in their order. */
export const readMigrations: Effect.Effect<ReadonlyArray<Migration>, DriverFailure> = Effect.tryPromise({
  try: readFolder,
  catch: (cause) => new DriverFailure(cause)
})

/** Brings the schema up to date in one transaction, one process at a time; refuses a schema newer than this program. */
export const migrate = Effect.fn("Postgres.migrate")(function* (database: Database) {
  const migrations = yield* readMigrations
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
export const applyAll = Effect.fnUntraced(function* (connection: Connection, migrations: ReadonlyArray<Migration>) {
  yield* connection.rows({ text: `CREATE SCHEMA IF NOT EXISTS ${SCHEMA}` })
  yield* connection.rows({
    text: "CREATE TABLE IF NOT EXISTS migrations (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
  })
  const rows = yield* connection.rows({ text: "SELECT version FROM migrations" })
  const applied = new Set(rows.map((row) => Number(row["version"])))
  const current = Math.max(0, ...applied)
  const latest = migrations.at(-1)?.version ?? 0
  if (current > latest) {
    return yield* Effect.fail(new DriverFailure(`schema version ${current} is newer than this program's ${latest}`))
  }
  // Not by the highest: two that were written side by side may come in either order.
  for (const { sql, version } of migrations.filter((migration) => !applied.has(migration.version))) {
    yield* connection.rows({ text: sql })
    yield* connection.rows({ text: "INSERT INTO migrations (version) VALUES ($1)" }, [version])
  }
})
