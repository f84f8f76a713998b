import { FolderOwner, ownerText } from "@millrace/core/node"
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

const SHARE_HERE =
  "share that one, for example by `globalThis.millrace ??= createMillrace({ directory })`, which outlives a reload of " +
  "modules, or close it first"

/** There is one owner of a data folder, and everyone else asks it. */
export class FolderTaken extends Schema.TaggedError<FolderTaken>()("FolderTaken", {
  directory: Schema.String,
  /** As far as it can be told. */
  owner: Schema.optionalKey(FolderOwner),
  /** What the one who comes second can be instead, where that is anything. */
  instead: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    const { directory, instead = "choose another folder", owner } = this
    const advice = owner?.here === true ? SHARE_HERE : `stop that one, ask it by its address, or ${instead}`
    return `${directory} is owned by ${ownerText(owner)}, and has one owner at a time: ${advice}`
  }
}

/** It cannot be made, written or locked. */
export class FolderUnusable extends Schema.TaggedError<FolderUnusable>()("FolderUnusable", {
  directory: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `${this.directory} cannot be a data folder: ${why}`
  }
}
