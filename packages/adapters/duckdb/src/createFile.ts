import { existsSync } from "node:fs"
import { chmod, rm } from "node:fs/promises"
import { Effect } from "effect"
import { type DatabaseSettings, openDatabase } from "./client.ts"
import { DriverFailure } from "./errors.ts"
import { migrate } from "./migrate.ts"
import { takePlace } from "./takePlace.ts"

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
