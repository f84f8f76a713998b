import { copyFile, mkdir, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { type SnapshotError, StoreSnapshot, WarehouseSnapshot } from "@millrace/core"
import { Clock, Effect, Option } from "effect"
import { VERSION } from "../observe/version.ts"
import { BackupError, failedAt, isMissing } from "./BackupError.ts"
import { describeFile, filesBelow, isAbsentOrEmpty, syncFolders, syncPath } from "./files.ts"
import { formatOf, type Manifest, MANIFEST_NAME } from "./Manifest.ts"

/** Not among them: sessions and their key. One that was ended must not come back, so people log in again. */
const ACCESS_FILES = ["keys/keys.ndjson", "keys/users.ndjson", "keys/pepper"]
const OWNER_ONLY = 0o700

/** Eight attempts at a message that a worker cannot store, with their pauses, take about this long. */
const SETTLE_WITHIN_MILLIS = 60_000

export interface BackupOptions {
  /** The data folder; of it, keys and accounts are copied. Whatever else is open is asked for its own copy. */
  readonly directory: string
  /** Absent, or an empty folder. */
  readonly target: string
  /** For what waits in a queue to reach the store; after that the backup fails with `Behind`. Default: a minute. */
  readonly settleWithinMillis?: number
}

const step = <A>(path: string, task: () => Promise<A>) => Effect.tryPromise({ try: task, catch: failedAt(path) })

/**
 * Copies the stores that this process has open, while events are accepted; what was acknowledged before the call is in it.
 * One at a time, and no erasure meanwhile: the caller sees to both. Of a copy that fails nothing is left.
 */
export const takeBackup = Effect.fn("takeBackup")(function* (options: BackupOptions) {
  const { directory, settleWithinMillis = SETTLE_WITHIN_MILLIS, target: named } = options
  const target = resolve(named)
  const copiers = Option.all([
    yield* Effect.serviceOption(StoreSnapshot),
    yield* Effect.serviceOption(WarehouseSnapshot)
  ])
  if (Option.isNone(copiers)) return yield* new BackupError({ reason: "Unsupported", path: directory })
  const [store, warehouse] = copiers.value
  yield* step(target, () => claim(target))
  const copying = Effect.gen(function* () {
    const taken_at = new Date(yield* Clock.currentTimeMillis).toISOString()
    yield* store.hold({ withinMillis: settleWithinMillis })
    // What the warehouse's copy has not loaded yet has to be in the store's copy, which is the later one.
    const file = join(target, "warehouse.duckdb")
    const cursor = yield* warehouse.copyTo(file)
    const place = yield* store.copyTo(target, cursor)
    yield* warehouse.moveCursor(file, place)
    yield* step(directory, () => copyAccess(directory, target))
    return yield* step(target, () => writeManifest(target, taken_at))
  }).pipe(Effect.scoped, Effect.mapError(backupError(target)))
  return yield* Effect.onError(copying, () => Effect.promise(() => clear(target)))
})

const backupError = (target: string) => (error: SnapshotError | BackupError) =>
  error instanceof BackupError
    ? error
    : new BackupError({ reason: error.behind ? "Behind" : "Failed", path: target, cause: error })

const claim = async (target: string): Promise<void> => {
  if (!(await isAbsentOrEmpty(target))) throw new BackupError({ reason: "TargetInUse", path: target })
  await mkdir(target, { recursive: true, mode: OWNER_ONLY })
}

const clear = (target: string) => rm(target, { recursive: true, force: true }).catch(() => undefined)

const copyAccess = async (directory: string, target: string): Promise<void> => {
  await mkdir(join(target, "keys"), { mode: OWNER_ONLY })
  for (const path of ACCESS_FILES) {
    await copyFile(join(directory, path), join(target, path)).catch((error: unknown) => {
      if (!isMissing(error)) throw error
    })
  }
}

const writeManifest = async (target: string, taken_at: string): Promise<Manifest> => {
  const files: Array<Manifest["files"][number]> = []
  for (const path of await filesBelow(target)) {
    await syncPath(join(target, path))
    files.push(await describeFile(target, path))
  }
  await syncFolders(target)
  const manifest: Manifest = { format: formatOf(files), program: VERSION, taken_at, files }
  const fresh = join(target, `${MANIFEST_NAME}.new`)
  await writeFile(fresh, `${JSON.stringify(manifest, undefined, 2)}\n`)
  await syncPath(fresh)
  await rename(fresh, join(target, MANIFEST_NAME))
  await syncPath(target)
  await syncPath(dirname(target))
  return manifest
}
