import { Schema } from "effect"

const TEXT = {
  Unsupported: "is of a combination of stores that millrace does not back up",
  Behind: "was not written: what was accepted before is not stored yet; try again",
  TargetInUse: "exists and is not empty",
  NoManifest: "is missing: this is no backup, or one that was not finished",
  BadManifest: "is not a backup's manifest",
  NewerFormat: "was written by a newer version of millrace",
  NotEmpty: "is not restored into what holds something",
  Missing: "is missing",
  Damaged: "is not what was backed up",
  Failed: "cannot be read or written"
} as const

const reasons = [
  "Unsupported",
  "Behind",
  "TargetInUse",
  "NoManifest",
  "BadManifest",
  "NewerFormat",
  "NotEmpty",
  "Missing",
  "Damaged",
  "Failed"
] as const

/** Why no backup was made, or none was put back. */
export class BackupError extends Schema.TaggedError<BackupError>()("BackupError", {
  reason: Schema.Literals(reasons),
  /** The file or folder it is about. */
  path: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const why =
      this.cause === undefined ? "" : `: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
    return `${this.path} ${TEXT[this.reason]}${why}`
  }
}

export const failedAt =
  (path: string) =>
  (cause: unknown): BackupError =>
    cause instanceof BackupError ? cause : new BackupError({ reason: "Failed", path, cause })

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT"
