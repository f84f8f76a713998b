import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { open, readdir } from "node:fs/promises"
import { join } from "node:path"
import { isMissing } from "./BackupError.ts"
import type { BackedUpFile } from "./Manifest.ts"

export const syncPath = async (path: string): Promise<void> => {
  const handle = await open(path, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A file as a manifest lists it, read whole. */
export const describeFile = async (directory: string, path: string): Promise<BackedUpFile> => {
  const hash = createHash("sha256")
  let bytes = 0
  for await (const chunk of createReadStream(join(directory, path))) {
    const part = chunk as Buffer
    hash.update(part)
    bytes += part.length
  }
  return { path, bytes, sha256: hash.digest("hex") }
}

/** Paths of all files below the folder, relative to it, in order. */
export const filesBelow = async (directory: string): Promise<ReadonlyArray<string>> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .toSorted()
}

/** Makes every name below the folder durable, its own included. */
export const syncFolders = async (directory: string): Promise<void> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  for (const entry of entries) if (entry.isDirectory()) await syncPath(join(entry.parentPath, entry.name))
  await syncPath(directory)
}

export const isAbsentOrEmpty = async (directory: string): Promise<boolean> => {
  try {
    return (await readdir(directory)).length === 0
  } catch (error) {
    if (isMissing(error)) return true
    if (error instanceof Error && "code" in error && error.code === "ENOTDIR") return false
    throw error
  }
}
