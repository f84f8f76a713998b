import { createHash } from "node:crypto"
import { copyFile, mkdir, mkdtemp, rename, rm } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import type { RestoreError, Restorer } from "@millrace/core"
import { Effect, type Redacted } from "effect"
import { natsAddress, natsOptions, postgresAddress } from "../adapters/addresses.ts"
import type { NatsSettings } from "../adapters/natsConfig.ts"
import { AdapterNotInstalled, type BadAdapterChoice } from "../adapters/failures.ts"
import { optionsAt } from "../adapters/lazyAdapter.ts"
import { BackupError, failedAt, isMissing } from "./BackupError.ts"
import { type BackedUpFile, type Manifest, ownFiles, readManifest, type Served, servedIn } from "./Manifest.ts"
import { describeFile, isAbsentOrEmpty, syncFolders, syncPath } from "./files.ts"

export interface RestoreOptions extends RestorePlaces {
  readonly backup: string
  /** The data folder to be: absent, or empty. */
  readonly directory: string
}

const OWNER_ONLY = 0o700

/**
 * Puts a backup into an empty data folder, and what it holds of systems on servers into those, where they are empty.
 * Every file is compared with the manifest before anything is written, and once more as it was written; the folder
 * appears whole or not at all, and last: a restore that was cut short is begun again by the same call.
 */
export const restoreBackup = Effect.fn("restoreBackup")(function* (options: RestoreOptions) {
  const { backup } = options
  const target = resolve(options.directory)
  const step = <A>(task: () => Promise<A>) => Effect.tryPromise({ try: task, catch: failedAt(target) })
  const manifest = yield* step(() => readVerified(backup, target))
  const fresh = yield* step(() => mkdtemp(`${target}.restoring-`))
  const placing = Effect.gen(function* () {
    yield* step(() => copyFiles(backup, fresh, ownFiles(manifest.files)))
    yield* restoreServed(options, manifest)
    yield* step(() => place(fresh, target))
  })
  yield* Effect.ensuring(
    placing,
    Effect.promise(() => rm(fresh, { recursive: true, force: true }))
  )
  return manifest
}, Effect.uninterruptible)

const readVerified = async (backup: string, target: string): Promise<Manifest> => {
  const manifest = await readManifest(backup)
  for (const file of manifest.files) await verify(backup, file)
  if (!(await isAbsentOrEmpty(target))) throw new BackupError({ reason: "TargetInUse", path: target })
  await mkdir(dirname(target), { recursive: true })
  return manifest
}

const copyFiles = async (backup: string, fresh: string, files: ReadonlyArray<BackedUpFile>): Promise<void> => {
  for (const { path } of files) {
    await mkdir(dirname(join(fresh, path)), { recursive: true, mode: OWNER_ONLY })
    await copyFile(join(backup, path), join(fresh, path))
    await syncPath(join(fresh, path))
  }
  for (const file of files) await verify(fresh, file)
  await syncFolders(fresh)
}

const place = async (fresh: string, target: string): Promise<void> => {
  await rename(fresh, target)
  await syncPath(dirname(target))
}

/** The last of them is the one that remembers: where it knows this backup, all of them have theirs. */
const restoreServed = Effect.fnUntraced(function* ({ backup, ...places }: RestoreOptions, manifest: Manifest) {
  const served = servedIn(manifest.files)
  const last = served.at(-1)
  if (last === undefined) return
  const id = createHash("sha256").update(JSON.stringify(manifest)).digest("hex")
  const failed = (of: Served) => Effect.mapError((error: RestoreError) => restoreFailed(of, error))
  const restorers = yield* Effect.forEach(served, (name) =>
    Effect.map(restorerOf(name, places), (restorer) => ({ name, restorer }))
  )
  const { name, restorer } = restorers.at(-1)!
  if ((yield* failed(name)(restorer.look(id))) === "restored") return
  for (const earlier of restorers.slice(0, -1)) yield* failed(earlier.name)(earlier.restorer.look(id))
  for (const each of restorers) yield* failed(each.name)(each.restorer.restore(backup, id))
})

const restoreFailed = (of: Served, error: RestoreError): BackupError =>
  new BackupError({
    reason: error.reason === "NotEmpty" ? "NotEmpty" : error.reason === "Newer" ? "NewerFormat" : "Failed",
    path: of,
    cause: error
  })

const verify = async (directory: string, file: BackedUpFile): Promise<void> => {
  const path = join(directory, file.path)
  const found = await describeFile(directory, file.path).catch((error: unknown) => {
    throw isMissing(error) ? new BackupError({ reason: "Missing", path }) : failedAt(path)(error)
  })
  if (found.bytes !== file.bytes || found.sha256 !== file.sha256) throw new BackupError({ reason: "Damaged", path })
}

/** As the server takes them from its variables. */
interface RestorePlaces {
  readonly postgresUrl?: Redacted.Redacted | undefined
  readonly natsUrl?: Redacted.Redacted | undefined
  readonly nats?: NatsSettings | undefined
}

type Opens = (places: RestorePlaces) => Effect.Effect<Restorer, AdapterNotInstalled | BadAdapterChoice>

const loaded = <Module>(name: string, load: () => Promise<Module>) =>
  Effect.tryPromise({ try: load, catch: (cause) => new AdapterNotInstalled({ package: name, cause }) })

const restorers: Readonly<Record<Served, Opens>> = {
  nats: Effect.fnUntraced(function* ({ nats = {}, natsUrl }) {
    const address = yield* optionsAt(natsAddress, natsUrl)
    const { Nats } = yield* loaded("@millrace/nats", () => import("@millrace/nats"))
    return Nats.restorer(natsOptions(address, nats))
  }),
  postgres: Effect.fnUntraced(function* ({ postgresUrl }) {
    const address = yield* optionsAt(postgresAddress, postgresUrl)
    const { Postgres } = yield* loaded("@millrace/postgres", () => import("@millrace/postgres"))
    return Postgres.restorer(address)
  })
}

/** Imports the adapter, and fails where its address is not set. */
const restorerOf = (name: Served, places: RestorePlaces) => restorers[name](places)
