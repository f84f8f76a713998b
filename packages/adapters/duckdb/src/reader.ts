import { existsSync } from "node:fs"
import { DuckDBInstance } from "@duckdb/node-api"
import type { WarehouseError } from "@millrace/core"
import { Effect, Layer, Semaphore } from "effect"
import { readState } from "./activity/Activities.ts"
import { openDatabase } from "./client.ts"
import { defaults, type DuckDbOptions } from "./config.ts"
import { DriverFailure, openFailed } from "./errors.ts"
import { readHotProperties } from "./hot/HotProperties.ts"
import { hasMerges, isBehind } from "./identities.ts"
import { isCurrent } from "./migrate.ts"
import { readOrigin } from "./origin.ts"
import { makeDirectory, openSpill, openSpool } from "./spool.ts"
import { readTombstones } from "./tombstones.ts"
import { layer, lender, makeWarehouse, type Opened, type ReadableDuckDb, servicesOf, settingsOf } from "./warehouse.ts"

/**
 * The warehouse in a file, to be asked: the file and what lies beside it stay as they are, also where a start would finish
 * something; whatever would change something fails. Of a file that is not there: nothing is loaded.
 */
export const reader = (options: DuckDbOptions): Layer.Layer<ReadableDuckDb, WarehouseError> =>
  Layer.unwrap(
    Effect.sync(() =>
      existsSync(options.path) ? Layer.effectContext(read(options)) : layer({ ...options, path: ":memory:" })
    )
  )

const read = Effect.fn("DuckDb.read")(function* (options: DuckDbOptions) {
  const opened = yield* Effect.mapError(open(options), (failure) => openFailed(options.path, failure))
  // Nobody keeps the sets of active users while they are read, so there is nothing to compare them with.
  const made = yield* makeWarehouse(opened, { ...defaults, ...options, selfCheckIntervalMillis: 0 })
  // Which store it is, is known for as long as it is read.
  return servicesOf({ ...made, origin: { ...made.origin, bind: () => Effect.void } })
})

const open = Effect.fnUntraced(function* (options: DuckDbOptions) {
  // Not beside the file: what lies there is its owner's.
  const directory = yield* makeDirectory(":memory:", options.temporaryDirectory)
  const settings = settingsOf(options, directory, yield* openSpill(directory))
  const database = yield* openDatabase({ ...settings, config: { ...settings.config, access_mode: "READ_ONLY" } })
  const writer = yield* database.connect
  if (!(yield* isCurrent(writer)) || (yield* isBehind(writer))) {
    const problem = "an earlier version wrote it: start a server on the folder once, then read it"
    return yield* Effect.fail(new DriverFailure(problem))
  }
  const bounds = { ...defaults, ...options }
  const { ask } = yield* lender(database, bounds)
  const state = yield* readState(writer)
  const opened: Opened = {
    hot: yield* readHotProperties(writer),
    writing: yield* Semaphore.make(1),
    keptAnswers: bounds.keptAnswers,
    merged: yield* hasMerges(writer),
    // Sets that are not whole stay unused: building them is writing.
    activity: state === "ready" ? state : "mismatched",
    origin: yield* readOrigin(writer),
    writer,
    spool: yield* openSpool(directory),
    tombstones: yield* readTombstones(writer, false),
    rewrite: Effect.void,
    ask
  }
  return opened
})

/**
 * Reads every row of every table, so that each block's checksum is looked at, and changes nothing. Fails at the first
 * that is not what was written. No process may have the file open.
 */
export const verify = Effect.fn("DuckDb.verify")(function* (path: string) {
  return yield* Effect.tryPromise({ try: () => readWhole(path), catch: (cause) => new DriverFailure(cause) })
})

export interface Verified {
  readonly events: number
  /** Up to where the hot store was loaded. */
  readonly cursor: string
}

const readWhole = async (path: string): Promise<Verified> => {
  const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" })
  try {
    const connection = await instance.connect()
    try {
      const tables = await connection.runAndReadAll("SELECT table_name FROM duckdb_tables() WHERE NOT internal")
      for (const [name] of tables.getRows()) {
        // The names are the migrations'; a statement takes no table as a parameter.
        await connection.run(`SELECT max(hash(t)) FROM "${String(name)}" AS t`)
      }
      const found = await connection.runAndReadAll(
        "SELECT (SELECT count(*) FROM events), (SELECT max(cursor) FROM watermark)"
      )
      const [events, cursor] = found.getRows()[0] ?? []
      return { events: Number(events), cursor: typeof cursor === "string" ? cursor : "" }
    } finally {
      connection.closeSync()
    }
  } finally {
    instance.closeSync()
  }
}
