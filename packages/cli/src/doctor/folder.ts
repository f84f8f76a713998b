import { accessSync, constants, statfsSync, statSync } from "node:fs"
import { folderOwner, ownerText } from "@millrace/core/node"
import type { Finding } from "./Finding.ts"

/** A log segment is 64 MiB and the warehouse needs room to rewrite itself. */
const FREE_BYTES = 512 * 1024 * 1024
const GIB = 1024 ** 3

interface FolderCheck {
  readonly findings: ReadonlyArray<Finding>
  /** Whether a live process has it. */
  readonly owned: boolean
}

export const checkFolder = (directory: string): FolderCheck => {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    const advice = "check the path; `millrace serve --data` makes a new folder"
    return {
      findings: [{ name: "folder", ok: false, detail: `${directory} is not a folder`, advice }],
      owned: false
    }
  }
  const access = checkAccess(directory)
  const found = access.ok ? folderOwner(directory) : undefined
  const detail =
    found === undefined ? "no process has it" : `${ownerText(found.owner)}, has it: ask that one with --url`
  const findings = [access, checkSpace(directory), { name: "owner", ok: true, detail }]
  return { findings, owned: found !== undefined }
}

const checkAccess = (directory: string): Finding => {
  try {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    return { name: "folder", ok: true, detail: `${directory} can be read and written` }
  } catch {
    const advice = `give this user read and write access, for example: chown -R "$USER" ${directory}`
    return { name: "folder", ok: false, detail: `${directory} cannot be read and written by this user`, advice }
  }
}

const checkSpace = (directory: string): Finding => {
  const { bavail, bsize } = statfsSync(directory)
  const free = bavail * bsize
  const detail = `${(free / GIB).toFixed(1)} GiB free`
  return free >= FREE_BYTES
    ? { name: "disk", ok: true, detail }
    : { name: "disk", ok: false, detail, advice: "free some space, or move the folder to a larger disk" }
}
