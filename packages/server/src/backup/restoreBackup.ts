import { copyFile, mkdir, mkdtemp, rename, rm } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Effect } from "effect"
import { BackupError, failedAt, isMissing } from "./BackupError.ts"
import { describeFile, isAbsentOrEmpty, syncFolders, syncPath } from "./files.ts"
import { type BackedUpFile, type Manifest, readManifest } from "./Manifest.ts"

export interface RestoreOptions {
  readonly backup: string
  /** The data folder to be: absent, or empty. */
  readonly directory: string
}

const OWNER_ONLY = 0o700

/**
 * Puts a backup into an empty data folder. Every file is compared with the manifest before anything is written, and once
 * more as it was written; the folder appears whole or not at all.
 */
export const restoreBackup = ({ backup, directory }: RestoreOptions): Effect.Effect<Manifest, BackupError> =>
  Effect.uninterruptible(
    Effect.tryPromise({ try: () => restore(backup, resolve(directory)), catch: failedAt(resolve(directory)) })
  )

const restore = async (backup: string, target: string): Promise<Manifest> => {
  const manifest = await readManifest(backup)
  for (const file of manifest.files) await verify(backup, file)
  if (!(await isAbsentOrEmpty(target))) throw new BackupError({ reason: "TargetInUse", path: target })
  await mkdir(dirname(target), { recursive: true })
  const fresh = await mkdtemp(`${target}.restoring-`)
  try {
    for (const { path } of manifest.files) {
      await mkdir(dirname(join(fresh, path)), { recursive: true, mode: OWNER_ONLY })
      await copyFile(join(backup, path), join(fresh, path))
      await syncPath(join(fresh, path))
    }
    for (const file of manifest.files) await verify(fresh, file)
    await syncFolders(fresh)
    await rename(fresh, target)
    await syncPath(dirname(target))
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return manifest
}

const verify = async (directory: string, file: BackedUpFile): Promise<void> => {
  const path = join(directory, file.path)
  const found = await describeFile(directory, file.path).catch((error: unknown) => {
    throw isMissing(error) ? new BackupError({ reason: "Missing", path }) : failedAt(path)(error)
  })
  if (found.bytes !== file.bytes || found.sha256 !== file.sha256) throw new BackupError({ reason: "Damaged", path })
}
