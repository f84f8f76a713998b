import { existsSync } from "node:fs"
import { copyFile, open, rename, rm } from "node:fs/promises"
import { dirname } from "node:path"

const sync = async (path: string): Promise<void> => {
  const handle = await open(path, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Moves a closed database over another closed one. */
export const takePlace = async (fresh: string, path: string): Promise<void> => {
  // Applied to another file than the one it was written for, a write-ahead log would destroy it.
  for (const file of [fresh, path]) {
    if (existsSync(`${file}.wal`)) throw new Error(`IO Error: ${file}.wal is still there`)
  }
  await moveSynced(fresh, path)
}

/** Path at which a copy from another file system is made, before it takes the name of `path`. */
export const besideOf = (path: string): string => `${path}.rewritten`

/** A closed database to another place, also on another file system, durably. */
export const moveSynced = async (fresh: string, path: string): Promise<void> => {
  await sync(fresh)
  try {
    await rename(fresh, path)
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "EXDEV") throw error
    const beside = besideOf(path)
    await copyFile(fresh, beside)
    await sync(beside)
    await rename(beside, path)
    await rm(fresh)
  }
  await sync(dirname(path))
}
