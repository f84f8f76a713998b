import { join } from "node:path"
import { lockOwner } from "@millrace/embedded"

/** The log that is queue and store in one, or the queue alone beside another store. */
const LOGS = ["log", "queue"]

/** The live process that has the log of a data folder open. */
export const folderOwner = (directory: string): number | undefined =>
  LOGS.map((log) => lockOwner(join(directory, log))).find((pid) => pid !== undefined)
