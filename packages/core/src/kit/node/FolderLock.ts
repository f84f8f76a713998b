import { randomUUID } from "node:crypto"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join, resolve } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Option, Schema } from "effect"
import { openLockFile, tryLock } from "./lockFile.ts"

/** Who has a folder. For messages alone: what counts is the kernel's lock. */
export const FolderOwner = Schema.Struct({
  /** As it is numbered there: in a container most are process 1. */
  pid: Schema.Int,
  host: Schema.String,
  /** When it took the folder, in ISO 8601. */
  since: Schema.String,
  /** Whether it is the process that asks. */
  here: Schema.Boolean
})
export type FolderOwner = typeof FolderOwner.Type

/** `process 12 on host h, since 2026-01-01T00:00:00.000Z`, as far as it is known. */
export const ownerText = (owner: FolderOwner | undefined): string => {
  if (owner === undefined) return "another process"
  const who = owner.here ? `this process (${owner.pid})` : `process ${owner.pid}`
  return `${who} on host ${owner.host}, since ${owner.since}`
}

/** A live process has this folder, and there is one at a time. */
export class FolderInUse extends Schema.TaggedError<FolderInUse>()("FolderInUse", {
  directory: Schema.String,
  owner: Schema.optionalKey(FolderOwner)
}) {
  override get message(): string {
    return `${this.directory} is in use by ${ownerText(this.owner)}; stop that one or choose another directory`
  }
}

/** The lock itself: an empty file that is never removed, since a lock on a removed file excludes nobody. */
const lockIn = (directory: string) => join(directory, "lock.db")
/** Who holds it: a file of its own, since closing any other handle on a locked file lets the lock go. */
const noteIn = (directory: string) => join(directory, "lock")

const Note = Schema.fromJsonString(
  Schema.Struct({ pid: Schema.Int, host: Schema.String, since: Schema.String, process: Schema.String })
)
const decodeNote = Schema.decodeUnknownOption(Note)
const encodeNote = Schema.encodeSync(Note)

/** One for all copies of this module: a bundler's reload makes a new one in the same process. */
const NAME = Symbol.for("@millrace/core/node/process")
const nameOfProcess = (): string => {
  const known: unknown = Reflect.get(globalThis, NAME)
  if (typeof known === "string") return known
  const name = randomUUID()
  Reflect.set(globalThis, NAME, name)
  return name
}

const readNote = (directory: string): FolderOwner | undefined => {
  try {
    const found = decodeNote(readFileSync(noteIn(directory), "utf8"))
    return Option.getOrUndefined(
      Option.map(found, ({ process: name, ...note }) => ({ ...note, here: name === nameOfProcess() }))
    )
  } catch {
    return undefined
  }
}

/** Nobody's start may fail for a note, not on a full disk either; an old one would name the wrong process. */
const writeNote = (directory: string): void => {
  try {
    rmSync(noteIn(directory), { force: true })
    const since = new Date().toISOString()
    writeFileSync(
      noteIn(directory),
      encodeNote({ pid: process.pid, host: hostname(), since, process: nameOfProcess() })
    )
  } catch {}
}

/** The process that has `directory`, whatever machine or container it is in; `undefined` when none has. Changes nothing. */
export const folderOwner = (directory: string): { readonly owner: FolderOwner | undefined } | undefined => {
  if (!existsSync(lockIn(directory))) return undefined
  const file = openLockFile(lockIn(directory), { readOnly: true })
  try {
    return tryLock(file, "shared") ? undefined : { owner: readNote(directory) }
  } finally {
    file.close()
  }
}

/** A process that was killed may take a moment to let go of its files. */
const WAIT_MILLIS = 5_000
const POLL_MILLIS = 25

/**
 * Takes `directory`, which exists, until the returned function is called or this process has ended, however it does. Waits
 * for a lock that is about to be let go; fails with {@link FolderInUse} while another process, or this one, holds it. The
 * lock is the kernel's, so that it holds between containers, and neither a process id nor a file that is left over decides.
 */
export const lockFolder = async (
  directory: string,
  { waitMillis = WAIT_MILLIS }: { readonly waitMillis?: number } = {}
): Promise<() => void> => {
  const until = performance.now() + waitMillis
  const file = openLockFile(lockIn(directory))
  try {
    while (!tryLock(file, "exclusive")) {
      if (performance.now() >= until) throw inUse(directory)
      await sleep(POLL_MILLIS)
    }
  } catch (error) {
    file.close()
    throw error
  }
  writeNote(directory)
  return () => {
    rmSync(noteIn(directory), { force: true })
    file.close()
  }
}

const inUse = (directory: string) => {
  const owner = readNote(directory)
  return new FolderInUse({ directory: resolve(directory), ...(owner === undefined ? {} : { owner }) })
}
