import { Schema } from "effect"

/** A setting that is missing, malformed, or does not fit another one. It never repeats the setting's value. */
export class BadAdapterChoice extends Schema.TaggedError<BadAdapterChoice>()("BadAdapterChoice", {
  /** The environment variable. */
  setting: Schema.String,
  rule: Schema.String
}) {
  override get message(): string {
    return `${this.setting} ${this.rule}`
  }
}

/** The adapter's package is not there, or a part of it cannot be loaded. */
export class AdapterNotInstalled extends Schema.TaggedError<AdapterNotInstalled>()("AdapterNotInstalled", {
  package: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `${this.package} is needed and cannot be loaded: npm install ${this.package} (${why})`
  }
}

/** There is one owner of a warehouse, and everyone else asks it. */
export class WarehouseTaken extends Schema.TaggedError<WarehouseTaken>()("WarehouseTaken", {
  directory: Schema.String,
  /** As far as it can be told. */
  owner: Schema.String
}) {
  override get message(): string {
    return (
      `the warehouse in ${this.directory} is owned by ${this.owner}, and has one owner at a time: stop that one, or ` +
      `start this one with MILLRACE_ROLES=ingest,worker and MILLRACE_STATS_URL=<its address>`
    )
  }
}
