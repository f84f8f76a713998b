import { Schema } from "effect"

/** Another live process works on this directory. */
export class DirectoryInUse extends Schema.TaggedError<DirectoryInUse>()("DirectoryInUse", {
  directory: Schema.String,
  pid: Schema.Int
}) {
  override get message(): string {
    return `${this.directory} is in use by process ${this.pid}; stop that process or choose another directory`
  }
}

/** Acknowledged bytes are damaged. The log is not opened, because skipping them would lose events silently. */
export class CorruptLog extends Schema.TaggedError<CorruptLog>()("CorruptLog", {
  file: Schema.String,
  offsetBytes: Schema.Int,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.file} is damaged at byte ${this.offsetBytes}: ${this.problem}`
  }
}

/** Nothing was written: either too much waits to be written, or the log has its full size. */
export class LogFull extends Schema.TaggedError<LogFull>()("LogFull", {
  bound: Schema.Literals(["maxPendingBytes", "maxBytes"]),
  limitBytes: Schema.Int
}) {}

/** Nothing was written: one append is larger than a group may be. */
export class AppendTooLarge extends Schema.TaggedError<AppendTooLarge>()("AppendTooLarge", {
  bytes: Schema.Int,
  limitBytes: Schema.Int
}) {}

/** Nothing was written: the log is closed, or an earlier write failed. */
export class LogClosed extends Schema.TaggedError<LogClosed>()("LogClosed", { cause: Schema.Defect() }) {}

/** The write or its sync failed: the records may or may not be there after the next opening. */
export class WriteFailed extends Schema.TaggedError<WriteFailed>()("WriteFailed", { cause: Schema.Defect() }) {}

export type AppendError = LogFull | AppendTooLarge | LogClosed | WriteFailed
