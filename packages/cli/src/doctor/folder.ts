import { accessSync, constants, statfsSync, statSync } from "node:fs"
import { folderOwner } from "../target/folderOwner.ts"
import type { Finding } from "./Finding.ts"

/** A log segment is 64 MiB and the warehouse needs room to rewrite itself. */
const FREE_BYTES = 512 * 1024 * 1024
const GIB = 1024 ** 3

export interface FolderCheck {
  readonly findings: ReadonlyArray<Finding>
  /** The live process that has it open. */
  readonly ownerPid: number | undefined
}

export const checkFolder = (directory: string): FolderCheck => {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    const advice = "check the path; `millrace serve --data` makes a new folder"
    return {
      findings: [{ name: "folder", ok: false, detail: `${directory} is not a folder`, advice }],
      ownerPid: undefined
    }
  }
  const ownerPid = folderOwner(directory)
  return { findings: [checkAccess(directory), checkSpace(directory), ownerFinding(ownerPid)], ownerPid }
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

const ownerFinding = (pid: number | undefined): Finding => ({
  name: "owner",
  ok: true,
  detail: pid === undefined ? "no process has it open" : `process ${pid} has it open: ask it with --url`
})
