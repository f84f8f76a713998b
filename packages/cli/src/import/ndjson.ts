import { parseJson } from "@millrace/core"
import { BrokenInput, type InputRecord, MAX_RECORD_CHARACTERS, type Position, type RecordParser } from "./Record.ts"
import { byteLengthOf } from "./utf8Text.ts"

/** One JSON value per line; blank lines are passed over, a broken line is refused by itself. */
export const ndjsonParser = (from: Position): RecordParser => {
  let rest = ""
  let { lines, rows } = from

  const one = (text: string): InputRecord => {
    const place = { line: lines, row: ++rows }
    try {
      return { _tag: "Object", ...place, value: parseJson(text) }
    } catch {
      return { _tag: "Broken", ...place, problem: "is not valid JSON", text }
    }
  }

  const parse = (text: string, last: boolean): ReadonlyArray<InputRecord> => {
    const out: Array<InputRecord> = []
    let at = 0
    while (at < text.length) {
      const feed = text.indexOf("\n", at)
      if (feed === -1 && !last) break
      const end = feed === -1 ? text.length : feed
      const line = text.slice(at, end)
      const trimmed = (lines === 0 && line.charCodeAt(0) === 0xfe_ff ? line.slice(1) : line).trim()
      lines++
      if (trimmed.length > 0) out.push(one(trimmed))
      at = end + 1
    }
    rest = at < text.length ? text.slice(at) : ""
    if (rest.length > MAX_RECORD_CHARACTERS) throw new BrokenInput(lines + 1, "a line of more than 1 MiB")
    return out
  }

  return {
    push: (text) => parse(rest + text, false),
    end: () => parse(rest, true),
    restBytes: () => byteLengthOf(rest),
    position: () => ({ lines, rows }),
    skip: (records) => {
      lines += records
      rows += records
    }
  }
}
