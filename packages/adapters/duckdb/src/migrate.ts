import { applyMigrations, missingMigrations, readMigrations } from "@millrace/core/node"
import { Effect } from "effect"
import type { Connection } from "./client.ts"
import { DriverFailure } from "./errors.ts"

const FOLDER = new URL("../migrations/", import.meta.url)

const known = Effect.tryPromise({ try: () => readMigrations(FOLDER), catch: (cause) => new DriverFailure(cause) })

const appliedIn = (connection: Connection) =>
  Effect.map(connection.rows("SELECT version FROM migrations"), (rows) => rows.map((row) => Number(row["version"])))

const refuse = (problem: string) => new DriverFailure(problem)

/** Brings the schema up to date in one transaction; refuses a file that a later version of this package wrote. */
export const migrate = Effect.fn("DuckDb.migrate")(function* (connection: Connection) {
  const schema = {
    applied: Effect.andThen(
      connection.rows("CREATE TABLE IF NOT EXISTS migrations (version INTEGER NOT NULL)"),
      appliedIn(connection)
    ),
    apply: ({ sql, version }: { readonly sql: string; readonly version: number }) =>
      Effect.andThen(connection.rows(sql), connection.rows("INSERT INTO migrations VALUES ($1)", [version])),
    refuse
  }
  yield* inTransaction(connection, applyMigrations(yield* known, schema))
})

/** Whether this version of the package wrote the file last; fails on one of a later version. */
export const isCurrent = Effect.fnUntraced(function* (connection: Connection) {
  return (yield* missingMigrations(yield* known, { applied: appliedIn(connection), refuse })).length === 0
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
