import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { Schema } from "effect"
import { BackupError, failedAt, isMissing } from "./BackupError.ts"

export const MANIFEST_NAME = "manifest.json"
/** What this program writes, and the newest that it reads. */
export const FORMAT = 1

/** Below the folder, and never out of it. */
const FilePath = Schema.String.check(Schema.isPattern(/^(?!\.)[A-Za-z0-9._-]+(?:\/(?!\.)[A-Za-z0-9._-]+)*$/u))

/** Written last: a folder without one is no backup. */
export const Manifest = Schema.Struct({
  format: Schema.Literal(FORMAT),
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

const decodeFormat = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct({ format: Schema.Int })))
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Manifest))

/** Rejects with a {@link BackupError}. */
export const readManifest = async (directory: string): Promise<Manifest> => {
  const path = join(directory, MANIFEST_NAME)
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw isMissing(error) ? new BackupError({ reason: "NoManifest", path }) : failedAt(path)(error)
  })
  try {
    if (decodeFormat(text).format > FORMAT) throw new BackupError({ reason: "NewerFormat", path })
    return decode(text)
  } catch (error) {
    throw error instanceof BackupError ? error : new BackupError({ reason: "BadManifest", path })
  }
}
