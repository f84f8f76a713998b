import { closeSync, ftruncateSync, openSync, rmSync, statSync, writeSync } from "node:fs"
import { parseJson } from "@millrace/core"
import type { Refused } from "./mapping.ts"
import type { InputRecord } from "./Record.ts"

const TEXT_CHARACTERS = 4_096

/** Refused records as NDJSON: line number, reason, and what stood there. Made on the first refusal. */
export class RejectsFile {
  readonly path: string
  #file: number | undefined
  #bytes = 0

  /** `keepBytes`: how much of an interrupted run's file belongs to rows that are not read again. */
  constructor(path: string, keepBytes: number) {
    this.path = path
    if (keepBytes > 0 && sizeOf(path) >= keepBytes) {
      this.#file = openSync(path, "r+")
      ftruncateSync(this.#file, keepBytes)
      this.#bytes = keepBytes
    } else rmSync(path, { force: true })
  }

  get bytes(): number {
    return this.#bytes
  }

  write(refusals: ReadonlyArray<{ readonly record: InputRecord; readonly refused: Refused }>): void {
    if (refusals.length === 0) return
    this.#file ??= openSync(this.path, "w")
    const text = refusals.map(({ record, refused }) => `${JSON.stringify(lineOf(record, refused))}\n`).join("")
    const bytes = Buffer.from(text, "utf8")
    let done = 0
    while (done < bytes.length) done += writeSync(this.#file, bytes, done, bytes.length - done, this.#bytes + done)
    this.#bytes += bytes.length
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? -1

const lineOf = (record: InputRecord, refused: Refused) => ({
  line: record.line,
  row: record.row,
  code: refused.code,
  path: refused.path,
  message: refused.message,
  record: contentOf(record)
})

const contentOf = (record: InputRecord): unknown => {
  const text = JSON.stringify(
    record._tag === "Cells" ? record.cells : record._tag === "Object" ? record.value : record.text
  )
  return text.length <= TEXT_CHARACTERS ? parseJson(text) : `${text.slice(0, TEXT_CHARACTERS)}…`
}
