import { BrokenInput, type InputRecord, MAX_RECORD_CHARACTERS, type Position, type RecordParser } from "./Record.ts"
import { byteLengthOf } from "./utf8Text.ts"

interface CsvOptions {
  /** One character, or `"whitespace"`: any run of blanks and tabs, without quoting. */
  readonly delimiter: string
  /** Column names; `undefined` takes them from the first record. */
  readonly columns: ReadonlyArray<string> | undefined
}

const QUOTE = 34
const CARRIAGE_RETURN = 13
const NEVER_ENDS = "a quoted field that starts here never ends"

interface Scan {
  readonly cells: Array<string>
  /** After the record's line break. */
  readonly next: number
  readonly lines: number
  readonly problem: string | undefined
}

/**
 * RFC 4180 over chunks of text, one pass. A line without a quote is one `split`; only records with quotes are
 * walked field by field, and that walk starts again at the record when its end lies in the next chunk.
 */
export const csvParser = (options: CsvOptions, from: Position): RecordParser => new CsvParser(options, from)

class CsvParser implements RecordParser {
  readonly #delimiter: string
  /** `"whitespace"` knows no quotes. */
  readonly #quoting: boolean
  #rest = ""
  #lines: number
  #rows: number
  #columns: ReadonlyArray<string> | undefined
  #fresh: boolean

  constructor(options: CsvOptions, from: Position) {
    this.#quoting = options.delimiter !== "whitespace"
    this.#delimiter = this.#quoting ? options.delimiter : " "
    this.#lines = from.lines
    this.#rows = from.rows
    this.#columns = from.columns ?? options.columns
    this.#fresh = from.lines === 0
  }

  push(text: string): ReadonlyArray<InputRecord> {
    return this.#parse(this.#rest + this.#begin(text), false)
  }

  end(): ReadonlyArray<InputRecord> {
    return this.#parse(this.#rest, true)
  }

  restBytes(): number {
    return byteLengthOf(this.#rest)
  }

  position(): Position {
    return { lines: this.#lines, rows: this.#rows, columns: this.#columns }
  }

  skip(records: number): void {
    this.#lines += records
    this.#rows += records
  }

  /** Without the byte order mark that a file may begin with. */
  #begin(text: string): string {
    if (!this.#fresh || text.length === 0) return text
    this.#fresh = false
    return text.charCodeAt(0) === 0xfe_ff ? text.slice(1) : text
  }

  #parse(text: string, last: boolean): ReadonlyArray<InputRecord> {
    const out: Array<InputRecord> = []
    let at = 0
    let quote = this.#quoting ? text.indexOf('"') : -1
    while (at < text.length) {
      const feed = text.indexOf("\n", at)
      const end = feed === -1 ? text.length : feed
      if (quote !== -1 && quote < at) quote = text.indexOf('"', at)
      if (quote === -1 || quote >= end) {
        if (feed === -1 && !last) break
        this.#takeLine(out, text.slice(at, end > at && text.charCodeAt(end - 1) === CARRIAGE_RETURN ? end - 1 : end))
        at = end + 1
        continue
      }
      const scan = scanQuoted(text, at, this.#delimiter, last)
      if (scan === undefined) {
        if (last) throw new BrokenInput(this.#lines + 1, NEVER_ENDS)
        break
      }
      this.#take(out, scan.cells, this.#lines + 1, scan.problem)
      this.#lines += scan.lines
      at = scan.next
    }
    this.#keep(at < text.length ? text.slice(at) : "")
    return out
  }

  #keep(rest: string): void {
    this.#rest = rest
    if (rest.length <= MAX_RECORD_CHARACTERS) return
    throw new BrokenInput(this.#lines + 1, rest.includes('"') ? NEVER_ENDS : "a line of more than 1 MiB")
  }

  /** A line without quotes; an empty one is none. */
  #takeLine(out: Array<InputRecord>, line: string): void {
    this.#lines++
    if (this.#quoting && line.length > 0) this.#take(out, line.split(this.#delimiter), this.#lines)
    if (!this.#quoting && line.trim().length > 0) this.#take(out, splitBlanks(line), this.#lines)
  }

  #take(out: Array<InputRecord>, cells: Array<string>, line: number, problem?: string): void {
    if (this.#columns === undefined) {
      if (problem !== undefined) throw new BrokenInput(line, `the header: ${problem}`)
      this.#columns = checkHeader(cells, line)
      return
    }
    const row = ++this.#rows
    const wanted = this.#columns.length
    const flaw = problem ?? (cells.length === wanted ? undefined : ragged(cells.length, wanted))
    out.push(
      flaw === undefined
        ? { _tag: "Cells", line, row, cells }
        : { _tag: "Broken", line, row, problem: flaw, text: cells.join(this.#delimiter) }
    )
  }
}

const ragged = (found: number, wanted: number) => `has ${found} field${found === 1 ? "" : "s"}, the header ${wanted}`

const checkHeader = (cells: ReadonlyArray<string>, line: number): ReadonlyArray<string> => {
  const names = cells.map((name) => name.trim())
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new BrokenInput(line, `the header names the column "${twice}" twice`)
  return names
}

const splitBlanks = (line: string): Array<string> => line.trim().split(/[ \t]+/u)

/**
 * One record from `start`, quotes allowed; `undefined` when its end is not in the text yet. A quote means something
 * only as a field's first character; text after a closing quote breaks the record, not its neighbours.
 */
const scanQuoted = (text: string, start: number, delimiter: string, last: boolean): Scan | undefined => {
  const cells: Array<string> = []
  const comma = delimiter.charCodeAt(0)
  let problem: string | undefined
  let lines = 1
  let at = start
  for (;;) {
    if (text.charCodeAt(at) === QUOTE) {
      const closing = closingQuote(text, at + 1, last)
      if (closing === undefined) return undefined
      const raw = text.slice(at + 1, closing)
      cells.push(raw.includes('"') ? raw.replaceAll('""', '"') : raw)
      lines += feedsIn(raw)
      at = closing + 1
    } else {
      const cut = endOfPlain(text, at, comma)
      if (cut === text.length && !last) return undefined
      cells.push(text.slice(at, withoutReturn(text, at, cut)))
      at = cut
    }
    const code = text.charCodeAt(at)
    if (code === comma) {
      at++
      continue
    }
    const next = endOfRecord(text, at)
    if (next !== undefined) return { cells, next, lines, problem }
    const feed = text.indexOf("\n", at)
    if (feed === -1 && !last) return undefined
    problem = "has text after a closing quote"
    return { cells, next: feed === -1 ? text.length : feed + 1, lines, problem }
  }
}

/** The position after the line break, when `at` stands on one or on the end of the input. */
const endOfRecord = (text: string, at: number): number | undefined => {
  if (at >= text.length) return text.length
  if (text[at] === "\n") return at + 1
  if (text[at] === "\r" && (text[at + 1] === "\n" || at + 1 === text.length)) return at + 2
  return undefined
}

/** The quote that ends the field; on the text's very end it may be half of a doubled one, or before half a line break. */
const closingQuote = (text: string, from: number, last: boolean): number | undefined => {
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 2)) {
    if (text.charCodeAt(at + 1) === QUOTE) continue
    return last || at + 2 < text.length || text[at + 1] === "\n" ? at : undefined
  }
  return undefined
}

const endOfPlain = (text: string, from: number, comma: number): number => {
  let at = from
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === comma || code === 10) break
  }
  return at
}

const withoutReturn = (text: string, start: number, end: number) =>
  end > start && text[end] === "\n" && text[end - 1] === "\r" ? end - 1 : end

const feedsIn = (text: string): number => {
  let count = 0
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) count++
  return count
}
