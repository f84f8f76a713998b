import { Effect, Schema } from "effect"

/** What to do about damage. */
const ADVICE =
  "nothing was changed: restore a backup, or see what is sound with `millrace verify` and copy it with `millrace salvage`"

/** Acknowledged bytes are damaged. The log is not opened, because skipping them would lose events silently. */
export class CorruptLog extends Schema.TaggedError<CorruptLog>()("CorruptLog", {
  file: Schema.String,
  offsetBytes: Schema.Int,
  problem: Schema.String,
  advice: Schema.String.pipe(Schema.withConstructorDefault(Effect.succeed(ADVICE)))
}) {
  override get message(): string {
    return `${this.file} is damaged at byte ${this.offsetBytes}: ${this.problem}; ${this.advice}`
  }
}

/** Nothing was written: either too much waits to be written, or the log has its full size. */
export class LogFull extends Schema.TaggedError<LogFull>()("LogFull", {
  bound: Schema.Literals(["maxPendingBytes", "maxBytes"]),
  limitBytes: Schema.Int
}) {}

/** Nothing was written: the disk has no room. The next append tries again. */
export class DiskFull extends Schema.TaggedError<DiskFull>()("DiskFull", {
  file: Schema.String,
  cause: Schema.Defect()
}) {}

/** Nothing was written: one append is larger than a group may be. */
export class AppendTooLarge extends Schema.TaggedError<AppendTooLarge>()("AppendTooLarge", {
  bytes: Schema.Int,
  limitBytes: Schema.Int
}) {}

/** Nothing was written: the log is closed. */
export class LogClosed extends Schema.TaggedError<LogClosed>()("LogClosed", { cause: Schema.Defect() }) {}

/** Nothing was written, and nothing will be until the log is opened anew: an earlier write or its sync failed. */
export class LogBroken extends Schema.TaggedError<LogBroken>()("LogBroken", {
  file: Schema.String,
  /** As the system names it, or `unknown`. */
  errno: Schema.String,
  cause: Schema.Defect()
}) {}

/** The write or its sync failed: the records may or may not be there after the next opening. */
export class WriteFailed extends Schema.TaggedError<WriteFailed>()("WriteFailed", { cause: Schema.Defect() }) {}

export type AppendError = LogFull | DiskFull | AppendTooLarge | LogClosed | LogBroken | WriteFailed

export const brokenBy = (file: string, cause: unknown): LogBroken =>
  new LogBroken({ file, errno: errnoOf(cause) ?? "unknown", cause })

export const errnoOf = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined
