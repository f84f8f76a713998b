import { crc32 } from "node:zlib"
import { type Files, ignoreAbsence } from "@millrace/core/node"
import { CorruptLog } from "../log/errors.ts"

const sumOf = (text: string) => crc32(text).toString(16).padStart(8, "0")
const SEALED = /^\{"crc32":"([0-9a-f]{8})",/u

/** `{"crc32":"<8 hex digits>",<rest>`: the checksum is that of the rest. */
export const sealState = (content: object): string => {
  const rest = JSON.stringify(content).slice(1)
  return `{"crc32":"${sumOf(rest)}",${rest}`
}

interface StateForm<A> {
  /** Throws when it is none of the file's. */
  readonly decode: (text: string) => A
  /** Whether what was read may be without a checksum: earlier versions wrote it so. */
  readonly mayBeBare: (content: A) => boolean
}

/** `undefined` where the file is not there; rejects with `CorruptLog` when it is not what was written. */
export const readState = async <A>(files: Files, path: string, form: StateForm<A>): Promise<A | undefined> => {
  const text = await files.readText(path).catch(ignoreAbsence)
  if (text === undefined) return undefined
  const sealed = SEALED.exec(text)
  const damaged = (problem: string) => new CorruptLog({ file: path, offsetBytes: 0, problem })
  if (sealed !== null && sumOf(text.slice(sealed[0].length)) !== sealed[1]) throw damaged("checksum mismatch")
  let content: A
  try {
    content = form.decode(text)
  } catch (error) {
    throw damaged(`it is none that this version reads (${error instanceof Error ? error.message : String(error)})`)
  }
  if (sealed === null && !form.mayBeBare(content)) throw damaged("its checksum is missing")
  return content
}
