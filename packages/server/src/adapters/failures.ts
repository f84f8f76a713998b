import { inspect } from "node:util"
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

/** On one line: what failed, and what a driver or a schema said of it where that is not told already. */
export const failureText = (error: unknown): string => {
  const own = messageOf(error)
  const origin = messageOf(originOf(error))
  const text = own === "" || own.includes(origin) ? own || origin : `${own}: ${origin}`
  // A tagged error may have no message at all; its tag and fields say it then.
  return (text === "" ? inspect(error) : text).replaceAll(/\s*\n\s*/gu, " ")
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : "")

const MAX_DEPTH = 8

/** Walks down to what an adapter wrapped: `reason` and `cause` of each error. */
const originOf = (error: unknown, depth = 0): unknown => {
  if (typeof error !== "object" || error === null || depth === MAX_DEPTH) return error
  const inner = "reason" in error ? error.reason : "cause" in error ? error.cause : undefined
  return typeof inner === "object" && inner !== null ? originOf(inner, depth + 1) : error
}

/** What `.env.example` has in place of a secret, in any spelling: everybody knows it. */
const EXAMPLE = /change[-_ ]?me/iu

/** Whether a secret was left as an example shows it. */
export const isExampleSecret = (text: string): boolean => EXAMPLE.test(text)

/** The same of an address that holds one. */
export const hasExampleSecret = (address: string): boolean => {
  if (!URL.canParse(address)) return false
  const { password, username } = new URL(address)
  return [username, password].some((part) => isExampleSecret(decode(part)))
}

const decode = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export const EXAMPLE_RULE = "is the example's: make one of your own, as with `openssl rand -hex 24`"
