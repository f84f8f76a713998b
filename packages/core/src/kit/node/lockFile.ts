import type { DatabaseSync } from "node:sqlite"
import { Schema } from "effect"

/** The folder cannot be locked at all: it cannot be written, or its file system knows no locks. */
export class LockFailed extends Schema.TaggedError<LockFailed>()("LockFailed", {
  file: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `${this.file} cannot be locked: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/** Open files: one that nobody refers to any more would be closed, and its lock with it. */
const open = new Set<DatabaseSync>()

export interface LockFile {
  readonly path: string
  readonly database: DatabaseSync
  readonly close: () => void
}

/** Node has no locks of files but SQLite's, which are the kernel's (`fcntl`, `LockFileEx`). */
export const openLockFile = (path: string, { readOnly = false }: { readonly readOnly?: boolean } = {}): LockFile => {
  try {
    const database = new (loadSqlite().DatabaseSync)(path, { readOnly })
    open.add(database)
    return {
      path,
      database,
      close: () => {
        if (open.delete(database)) database.close()
      }
    }
  } catch (cause) {
    throw new LockFailed({ file: path, cause })
  }
}

const STATEMENTS = {
  /** The journal is a file, which a full disk has no room for, and nothing is ever written that it would undo. */
  exclusive: "PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE",
  /** Read, and let go again. */
  shared: "SELECT count(*) FROM sqlite_schema"
} as const

/** Whether the lock could be had; at once, without waiting. */
export const tryLock = ({ database, path }: LockFile, kind: keyof typeof STATEMENTS): boolean => {
  try {
    database.exec(STATEMENTS[kind])
    return true
  } catch (cause) {
    if (isBusy(cause)) return false
    throw new LockFailed({ file: path, cause })
  }
}

const SQLITE_BUSY = 5

/** Of an extended code the first byte is the plain one. */
const isBusy = (error: unknown): boolean =>
  error instanceof Error &&
  "errcode" in error &&
  typeof error.errcode === "number" &&
  (error.errcode & 0xff) === SQLITE_BUSY

/** Some versions of Node call it experimental on standard error, which is no business of who runs this program. */
const loadSqlite = () => {
  const warn = Object.getOwnPropertyDescriptor(process, "emitWarning")
  process.emitWarning = () => {}
  try {
    const sqlite = process.getBuiltinModule("node:sqlite")
    if (sqlite === undefined)
      throw new Error(`Node ${process.versions.node} has no SQLite; install Node 22.19 or newer`)
    return sqlite
  } finally {
    if (warn !== undefined) Object.defineProperty(process, "emitWarning", warn)
  }
}
