import { createHash } from "node:crypto"
import { cpSync, existsSync, readFileSync, realpathSync, renameSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"

export interface RunAs {
  readonly uid: number
  readonly gid: number
}

/**
 * PostgreSQL refuses to run as root, and looks its user up by name: so an existing account, not a free number.
 * `undefined` when this process is not root.
 */
export const unprivileged = (): RunAs | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const accounts = readFileSync("/etc/passwd", "utf8").split("\n")
  for (const name of ["postgres", "nobody"]) {
    const fields = accounts.find((line) => line.startsWith(`${name}:`))?.split(":")
    if (fields !== undefined) return { uid: Number(fields[2]), gid: Number(fields[3]) }
  }
  throw new Error("root may not run PostgreSQL, and there is no account postgres or nobody to run it")
}

/** Whether any user may enter every folder above `path`. */
const isReachable = (path: string): boolean => {
  const parent = dirname(path)
  return (statSync(path).mode & 0o001) !== 0 && (parent === path || isReachable(parent))
}

/** `binary`, or its copy (with all of `root`) where the other user can reach it: a checkout under /root is closed. */
export const reachable = (binary: string, root: string, user: RunAs | undefined): string => {
  const real = realpathSync(binary)
  if (user === undefined || isReachable(real)) return binary
  const key = createHash("sha256").update(realpathSync(root)).digest("hex").slice(0, 16)
  const copy = join(tmpdir(), `millrace-tools-${key}`)
  if (!existsSync(copy)) {
    const partial = `${copy}.${process.pid}`
    cpSync(root, partial, { recursive: true, verbatimSymlinks: true })
    try {
      renameSync(partial, copy)
    } catch {
      rmSync(partial, { recursive: true, force: true }) // another process was first
    }
  }
  return join(copy, relative(realpathSync(root), real))
}
