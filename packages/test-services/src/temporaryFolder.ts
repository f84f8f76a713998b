import { chownSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { RunAs } from "./runAs.ts"

const PREFIX = "millrace-test-"
const folders = new Set<string>()

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM"
  }
}

/** A test process that was killed could not tidy up; its folders carry its pid. */
const sweep = () => {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(/^millrace-test-(\d+)-/u.exec(name)?.[1])
    if (pid > 0 && !isAlive(pid)) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
}

/** Removed by {@link removeFolder}, or when this process exits. */
export const makeFolder = (name: string, owner: RunAs | undefined): string => {
  if (folders.size === 0) sweep()
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-${name}-`))
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
  folders.add(folder)
  return folder
}

export const removeFolder = (folder: string) => {
  folders.delete(folder)
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

export const removeAllFolders = () => {
  for (const folder of folders) removeFolder(folder)
}
