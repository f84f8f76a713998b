import { dirname, resolve } from "node:path"
import type { Files } from "@millrace/core/node"
import { errnoOf } from "./errors.ts"

/** For its owner alone. */
const FOLDER_MODE = 0o700

/**
 * Makes a folder with those above it, and their names durable, one after the other: what lies in a folder whose name is not
 * durable is lost with the power. That of a folder which is there already may have been left so by a process that was killed.
 */
export const makeFolder = async (files: Files, path: string): Promise<void> => {
  const missing: Array<string> = []
  let at = resolve(path)
  for (; !(await files.exists(at)); at = dirname(at)) missing.unshift(at)
  await files.syncDirectory(dirname(at)).catch(ignoreForbidden)
  for (const folder of missing) {
    await files.mkdir(folder, FOLDER_MODE)
    await files.syncDirectory(dirname(folder))
  }
}

/** A folder that this user may pass through but not read is none that it made. */
const ignoreForbidden = (error: unknown): void => {
  if (!["EACCES", "EPERM"].includes(errnoOf(error) ?? "")) throw error
}
