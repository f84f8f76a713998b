import { readFileSync } from "node:fs"
import { link, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Schema } from "effect"
import { DirectoryInUse } from "./errors.ts"

/**
 * A process is named by its id and its start, since ids are reused: in a container every run may have the same.
 * `started` is empty where the system does not tell.
 */
const Owner = Schema.Struct({ pid: Schema.Int, started: Schema.String })
type Owner = typeof Owner.Type
const decodeOwner = Schema.decodeUnknownSync(Schema.fromJsonString(Owner))

/** Real paths locked by this very process; needed where `started` is empty. */
const held = new Set<string>()

const startOf = (pid: number): string => {
  try {
    // The command (field 2) may hold spaces and brackets; field 22, the start, is the 20th behind it.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8")
    return `${boot.trim()}/${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""}`
  } catch {
    return ""
  }
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

const isAlive = (owner: Owner, path: string): boolean => {
  if (!isRunning(owner.pid)) return false
  const started = startOf(owner.pid)
  if (started !== "" && owner.started !== "") return started === owner.started
  return owner.pid === process.pid ? held.has(path) : true
}

const readOwner = (path: string): Owner | undefined => {
  try {
    return decodeOwner(readFileSync(path, "utf8"))
  } catch {
    return undefined
  }
}

const lockPath = (directory: string) => join(directory, "lock")

/** The process that owns a log's `directory`; `undefined` when none does, or the last one died without letting it go. */
export const lockOwner = (directory: string): number | undefined => {
  const path = lockPath(directory)
  const owner = readOwner(path)
  return owner !== undefined && isAlive(owner, path) ? owner.pid : undefined
}

const exists = (error: unknown) => error instanceof Error && "code" in error && error.code === "EEXIST"

/** Owns `directory` until the returned function is called; fails with {@link DirectoryInUse} while another does. */
export const lockDirectory = async (directory: string): Promise<() => Promise<void>> => {
  const path = lockPath(directory)
  const own = join(directory, `lock.${process.pid}.${Math.random().toString(36).slice(2)}`)
  // A link appears whole or not at all; a file opened with "wx" would be empty for a moment.
  await writeFile(own, JSON.stringify({ pid: process.pid, started: startOf(process.pid) } satisfies Owner))
  try {
    for (;;) {
      try {
        await link(own, path)
        break
      } catch (error) {
        if (!exists(error)) throw error
      }
      await evict(directory, path, own)
    }
  } finally {
    await rm(own, { force: true })
  }
  held.add(path)
  return async () => {
    held.delete(path)
    await rm(path, { force: true })
  }
}

/** Moves a dead owner's lock aside; two that do so at once must not throw out each other's fresh lock. */
const evict = async (directory: string, path: string, own: string): Promise<void> => {
  const owner = readOwner(path)
  if (owner !== undefined && isAlive(owner, path)) throw new DirectoryInUse({ directory, pid: owner.pid })
  const aside = `${own}.stale`
  await rename(path, aside).catch(() => undefined)
  const moved = readOwner(aside)
  if (moved !== undefined && (moved.pid !== owner?.pid || moved.started !== owner.started)) {
    await link(aside, path).catch(() => undefined)
  }
  await rm(aside, { force: true })
}
