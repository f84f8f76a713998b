import { join } from "node:path"
import { type Files, nodeFiles } from "@millrace/core/node"
import { resolveOptions } from "../config.ts"
import { CorruptLog } from "../log/errors.ts"
import { keyForm } from "../keys/record.ts"
import { RecordFile } from "../keys/RecordFile.ts"
import { ErasureFile } from "../state/ErasureFile.ts"
import { inspect } from "../state/recover.ts"
import { accountForm } from "../accounts/record.ts"

/** What was found of one part of a folder. */
export interface Verdict {
  readonly part: string
  readonly ok: boolean
  readonly detail: string
}

/** Reads a whole log as an opening would, and changes nothing. */
export const verifyLog = async (directory: string, files: Files = nodeFiles): Promise<ReadonlyArray<Verdict>> => [
  await judge("log", async () => {
    const { index, inspection, letters } = await inspect(resolveOptions({ directory }), { identities: false, files })
    const lost = index.sums.lost.total
    const events = `${index.sums.accepted.total} events accepted, ${lost} of them lost`
    const tail = inspection.last !== undefined && inspection.last.dataBytes > inspection.last.markedBytes
    const torn = tail ? "; its torn tail was never acknowledged, and a start keeps it as a file" : ""
    return `records up to ${inspection.next - 1} and dead letters up to ${letters.inspection.next - 1} are sound; ${events}${torn}`
  }),
  await judge("erasures", async () => {
    const { tombstones } = await ErasureFile.open(files, directory)
    return `${tombstones.all.length} in ${join(directory, "erasures.json")}`
  })
]

/** Reads API keys and accounts in a folder. */
export const verifyAccess = async (directory: string, files: Files = nodeFiles): Promise<ReadonlyArray<Verdict>> => [
  await judge("keys", async () => {
    const keys = await new RecordFile(join(directory, "keys.ndjson"), keyForm, files).read()
    return `${keys.size} API keys`
  }),
  await judge("users", async () => {
    await new RecordFile(join(directory, "users.ndjson"), accountForm, files).read()
    return "accounts are sound"
  })
]

const judge = async (part: string, look: () => Promise<string>): Promise<Verdict> => {
  try {
    return { part, ok: true, detail: await look() }
  } catch (error) {
    if (error instanceof CorruptLog)
      return { part, ok: false, detail: `${error.file}, byte ${error.offsetBytes}: ${error.problem}` }
    return { part, ok: false, detail: error instanceof Error ? error.message : String(error) }
  }
}
