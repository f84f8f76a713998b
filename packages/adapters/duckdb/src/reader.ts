import { existsSync } from "node:fs"
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
