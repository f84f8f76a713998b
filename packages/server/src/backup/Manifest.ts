import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { Schema } from "effect"
import { BackupError, failedAt, isMissing } from "./BackupError.ts"

export const MANIFEST_NAME = "manifest.json"
/** 1: a data folder. 2: and folders of what lies on servers, each restored by its adapter. */
const FORMATS = [1, 2] as const
const NEWEST = 2

/** Below the folder, and never out of it. */
const FilePath = Schema.String.check(Schema.isPattern(/^(?!\.)[A-Za-z0-9._-]+(?:\/(?!\.)[A-Za-z0-9._-]+)*$/u))

/** Written last: a folder without one is no backup. */
export const Manifest = Schema.Struct({
  format: Schema.Literals(FORMATS),
  program: Schema.String,
  /** When it began: everything that was acknowledged before is in it. */
  taken_at: Schema.String,
  files: Schema.Array(
    Schema.Struct({
      path: FilePath,
      bytes: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
      sha256: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/u))
    })
  )
})
export type Manifest = typeof Manifest.Type
export type BackedUpFile = Manifest["files"][number]

/** The systems on servers that a backup may hold copies of, by the folder of the copy, in the order of restoring. */
const SERVED = ["nats", "postgres"] as const
export type Served = (typeof SERVED)[number]

const isOf = (path: string, served: Served) => path.startsWith(`${served}/`)

export const servedIn = (files: Manifest["files"]): ReadonlyArray<Served> =>
  SERVED.filter((served) => files.some(({ path }) => isOf(path, served)))

/** Files that belong into the data folder. */
export const ownFiles = (files: Manifest["files"]): ReadonlyArray<BackedUpFile> =>
  files.filter(({ path }) => !SERVED.some((served) => isOf(path, served)))

/** A data folder alone is also restored by programs that know nothing else. */
export const formatOf = (files: Manifest["files"]): Manifest["format"] => (servedIn(files).length === 0 ? 1 : 2)

const decodeFormat = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct({ format: Schema.Int })))
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Manifest))

/** Rejects with a {@link BackupError}. */
export const readManifest = async (directory: string): Promise<Manifest> => {
  const path = join(directory, MANIFEST_NAME)
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw isMissing(error) ? new BackupError({ reason: "NoManifest", path }) : failedAt(path)(error)
  })
  try {
    if (decodeFormat(text).format > NEWEST) throw new BackupError({ reason: "NewerFormat", path })
    return decode(text)
  } catch (error) {
    throw error instanceof BackupError ? error : new BackupError({ reason: "BadManifest", path })
  }
}
