import { readdir, readFile } from "node:fs/promises"
import { Effect } from "effect"
import type { Connection } from "./client.ts"
import { DriverFailure } from "./failure.ts"

const FOLDER = new URL("../migrations/", import.meta.url)

interface Migration {
  readonly version: number
  readonly sql: string
}

const readMigrations = async (): Promise<ReadonlyArray<Migration>> => {
  const names = (await readdir(FOLDER)).filter((name) => /^\d{4}_.+\.sql$/u.test(name)).toSorted()
  return Promise.all(
    names.map(async (name) => ({
      version: Number(name.slice(0, 4)),
      sql: await readFile(new URL(name, FOLDER), "utf8")
    }))
  )
}

/** Brings the schema up to date in one transaction; refuses a file that a later version of this package wrote. */
export const migrate = Effect.fn("DuckDb.migrate")(function* (connection: Connection) {
  const migrations = yield* Effect.tryPromise({ try: readMigrations, catch: (cause) => new DriverFailure(cause) })
  yield* inTransaction(connection, applyAll(connection, migrations))
})

const applyAll = Effect.fnUntraced(function* (connection: Connection, migrations: ReadonlyArray<Migration>) {
  yield* connection.rows("CREATE TABLE IF NOT EXISTS migrations (version INTEGER NOT NULL)")
  for (const { version, sql } of yield* missingOf(connection, migrations)) {
    yield* connection.rows(sql)
    yield* connection.rows("INSERT INTO migrations VALUES ($1)", [version])
  }
})

const missingOf = Effect.fnUntraced(function* (connection: Connection, migrations: ReadonlyArray<Migration>) {
  const applied = (yield* connection.rows("SELECT version FROM migrations")).map((row) => Number(row["version"]))
  const current = Math.max(0, ...applied)
  const latest = migrations.at(-1)?.version ?? 0
  if (current > latest) {
    return yield* Effect.fail(new DriverFailure(`schema version ${current} is newer than this program's ${latest}`))
  }
  return migrations.filter(({ version }) => !applied.includes(version))
})

/** Whether this version of the package wrote the file last; fails on one of a later version. */
export const isCurrent = Effect.fnUntraced(function* (connection: Connection) {
  const migrations = yield* Effect.tryPromise({ try: readMigrations, catch: (cause) => new DriverFailure(cause) })
  return (yield* missingOf(connection, migrations)).length === 0
})

/** Commits on success; on failure or interruption nothing has happened. */
export const inTransaction = <A, E, R>(
  connection: Connection,
  body: Effect.Effect<A, E, R>
): Effect.Effect<A, E | DriverFailure, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      yield* connection.rows("BEGIN TRANSACTION")
      const result = yield* restore(body).pipe(Effect.onError(() => Effect.ignore(connection.rows("ROLLBACK"))))
      yield* connection.rows("COMMIT").pipe(Effect.onError(() => Effect.ignore(connection.rows("ROLLBACK"))))
      return result
    })
  )
