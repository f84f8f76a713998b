import { isUtf8 } from "node:buffer"
import { type ColumnPlan, type MappingOptions, NUMBER_MAX_CHARACTERS } from "./mapping.ts"

/** The rows of some whole lines, as the body of a request: an array of raw events in JSON. */
export interface PlainRows {
  readonly rows: number
  readonly body: Uint8Array
  /** Once the body is done with: its memory serves the next one. */
  readonly release: () => void
}

/** `firstRow` is the number of the first line's record. Undefined when a line is not plain. */
export type ReadPlain = (lines: Buffer, firstRow: number) => PlainRows | undefined

const NOT_PLAIN = -1
const [QUOTE, BACKSLASH, FEED, RETURN, MINUS, POINT, ZERO, NINE] = [34, 92, 10, 13, 45, 46, 48, 57]

const utf8 = new TextEncoder()
/** Object keys that are array indices come first, whatever the order of the columns. */
const INDEX = /^(?:0|[1-9]\d*)$/u

/**
 * CSV bytes → JSON bytes, without strings or objects on the way. Only what is plain: as many cells as columns, no line
 * feed, escape or control character in a cell. It decides nothing about a row: whoever takes the body does, and where
 * this returns nothing, `csvParser` and `mapCells` do. `parseJson` of the body gives what `mapCells` gives.
 */
export const plainReader = (
  columns: ReadonlyArray<string>,
  delimiter: string,
  plan: ColumnPlan,
  options: MappingOptions
): ReadPlain | undefined => {
  const code = delimiter.charCodeAt(0)
  if (delimiter.length !== 1 || code > 126 || plan.jsonAt !== -1) return undefined
  if (plan.extras.some(({ name }) => INDEX.test(name))) return undefined
  const writer = new PlainWriter(columns.length, code, plan, options)
  return (lines, firstRow) => (isUtf8(lines) ? writer.read(lines, firstRow) : undefined)
}

const EVENT_ID = utf8.encode('{"event_id":"')
const OCCURRED_AT = utf8.encode('","occurred_at":"')
const USER_ID = utf8.encode('","user_id":"')
const EVENT_TYPE = utf8.encode('","event_type":')
const PROPERTIES = utf8.encode(',"properties":{')
const CLOSE = utf8.encode("}},")
/** More than what stands around the cells and their names, with an id and a time. */
const AROUND_BYTES = 256
/** What a chunk of usual rows needs; more is made where it does not do. */
const BODY_BYTES = 1 << 18

class PlainWriter {
  readonly #plan: ColumnPlan
  readonly #options: MappingOptions
  readonly #eventType: Uint8Array | undefined
  readonly #names: ReadonlyArray<Uint8Array>
  readonly #extraAt: Int32Array
  readonly #timeAsIs: boolean
  readonly #roomBytes: number
  /** How often a cell is written at most: a column may give several fields. */
  readonly #copies: number
  readonly #delimiter: number
  /** One look-up a byte: what ends a bare cell, and what ends a run of a quoted one's. */
  readonly #stops: Uint8Array
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  readonly #doubled: Uint8Array
  readonly #free: Array<Uint8Array> = []
  #out: Uint8Array = new Uint8Array(0)
  #to = 0

  constructor(columns: number, delimiter: number, plan: ColumnPlan, options: MappingOptions) {
    this.#plan = plan
    this.#options = options
    this.#eventType = options.eventType === undefined ? undefined : utf8.encode(JSON.stringify(options.eventType))
    this.#names = plan.extras.map(({ name }) => utf8.encode(`${JSON.stringify(name)}:`))
    this.#extraAt = Int32Array.from(plan.extras, ({ index }) => index)
    this.#timeAsIs = options.timeFormat === "rfc3339"
    const names = this.#names.reduce((sum, name) => sum + name.length + 3, 0)
    this.#roomBytes = AROUND_BYTES + names + (this.#eventType?.length ?? 0)
    this.#copies = mostOften([plan.idAt, plan.timeAt, plan.userAt, plan.typeAt, ...this.#extraAt])
    this.#delimiter = delimiter
    this.#stops = Uint8Array.from({ length: 256 }, (_, byte) =>
      byte < 32 || byte === QUOTE || byte === BACKSLASH || byte === delimiter ? 1 : 0
    )
    this.#starts = new Int32Array(columns)
    this.#ends = new Int32Array(columns)
    this.#doubled = new Uint8Array(columns)
  }

  read(lines: Buffer, firstRow: number): PlainRows | undefined {
    this.#out = this.#free.pop() ?? new Uint8Array(BODY_BYTES)
    this.#to = 0
    const rows = this.#writeAll(lines, firstRow)
    const out = this.#out
    const release = () => void this.#free.push(out)
    if (rows > 0) return { rows, body: out.subarray(0, this.#to), release }
    release()
    return undefined
  }

  /** The number of rows, 0 when one of them is not plain. */
  #writeAll(lines: Buffer, firstRow: number): number {
    this.#put(91)
    let row = firstRow
    for (let at = 0; at < lines.length; row++) {
      const next = this.#scanRow(lines, at)
      if (next === NOT_PLAIN) return 0
      this.#reserve((next - at) * this.#copies + this.#roomBytes)
      if (!this.#writeEvent(lines, row)) return 0
      at = next
    }
    this.#out[this.#to - 1] = 93
    return row - firstRow
  }

  #reserve(bytes: number): void {
    if (this.#to + bytes <= this.#out.length) return
    const grown = new Uint8Array(Math.max(this.#to + bytes, this.#out.length * 2))
    grown.set(this.#out)
    this.#out = grown
  }

  /** Notes where the row's cells lie; returns where the next row starts. */
  #scanRow(bytes: Uint8Array, start: number): number {
    const last = this.#starts.length - 1
    let at = start
    for (let column = 0; column <= last; column++) {
      const end = bytes[at] === QUOTE ? this.#scanQuoted(bytes, at + 1, column) : this.#scanBare(bytes, at, column)
      if (end === NOT_PLAIN) return NOT_PLAIN
      at = end + 1
      const byte = bytes[end]
      if (column < last ? byte === this.#delimiter : byte === FEED) continue
      return column === last && byte === RETURN && bytes[at] === FEED ? at + 1 : NOT_PLAIN
    }
    return at
  }

  #scanBare(bytes: Uint8Array, start: number, column: number): number {
    const stops = this.#stops
    let at = start
    while (stops[bytes[at]!] === 0) at++
    this.#starts[column] = start
    this.#ends[column] = at
    this.#doubled[column] = 0
    return at
  }

  #scanQuoted(bytes: Uint8Array, start: number, column: number): number {
    let doubled = 0
    for (let at = start; ; at++) {
      const byte = bytes[at]!
      if (byte === QUOTE) {
        if (bytes[at + 1] !== QUOTE) {
          this.#starts[column] = start
          this.#ends[column] = at
          this.#doubled[column] = doubled
          return at + 1
        }
        doubled = 1
        at++
      } else if (!(byte >= 32) || byte === BACKSLASH) return NOT_PLAIN
    }
  }

  #writeEvent(bytes: Buffer, row: number): boolean {
    const { idAt, timeAt, typeAt, userAt } = this.#plan
    this.#putAll(EVENT_ID)
    if (idAt === -1 || this.#starts[idAt] === this.#ends[idAt]) this.#putText(this.#options.idOf(row))
    else this.#putCell(bytes, idAt)
    this.#putAll(OCCURRED_AT)
    if (!this.#putTime(bytes, timeAt)) return false
    this.#putAll(USER_ID)
    this.#putCell(bytes, userAt)
    this.#putAll(EVENT_TYPE)
    if (this.#eventType === undefined) this.#putQuoted(bytes, typeAt)
    else this.#putAll(this.#eventType)
    this.#putAll(PROPERTIES)
    this.#putProperties(bytes)
    this.#putAll(CLOSE)
    return true
  }

  #putTime(bytes: Buffer, column: number): boolean {
    if (this.#timeAsIs) this.#putCell(bytes, column)
    else {
      if (this.#doubled[column] === 1) return false
      const time = this.#options.readTime(bytes.toString("utf8", this.#starts[column], this.#ends[column]))
      if (time === undefined) return false
      this.#putText(time)
    }
    return true
  }

  #putProperties(bytes: Uint8Array): void {
    const opened = this.#to
    for (let index = 0; index < this.#extraAt.length; index++) {
      const column = this.#extraAt[index]!
      if (this.#starts[column] === this.#ends[column]) continue
      if (this.#to > opened) this.#put(44)
      this.#putAll(this.#names[index]!)
      this.#putValue(bytes, column)
    }
  }

  /** What `typed` gives, as JSON: a plain decimal as a number, all else as text. */
  #putValue(bytes: Uint8Array, column: number): void {
    const start = this.#starts[column]!
    const end = this.#ends[column]!
    if (isNumber(bytes, start, end)) this.#putRange(bytes, start, end)
    else this.#putQuoted(bytes, column)
  }

  #putQuoted(bytes: Uint8Array, column: number): void {
    this.#put(QUOTE)
    this.#putCell(bytes, column)
    this.#put(QUOTE)
  }

  #putCell(bytes: Uint8Array, column: number): void {
    const start = this.#starts[column]!
    const end = this.#ends[column]!
    if (this.#doubled[column] === 0) return this.#putRange(bytes, start, end)
    const out = this.#out
    let to = this.#to
    for (let at = start; at < end; at++) {
      // A doubled quote becomes an escaped one.
      if (bytes[at] === QUOTE) {
        out[to++] = BACKSLASH
        at++
      }
      out[to++] = bytes[at]!
    }
    this.#to = to
  }

  #putRange(bytes: Uint8Array, start: number, end: number): void {
    const out = this.#out
    let to = this.#to
    for (let at = start; at < end; at++) out[to++] = bytes[at]!
    this.#to = to
  }

  #putText(ascii: string): void {
    const out = this.#out
    let to = this.#to
    for (let at = 0; at < ascii.length; at++) out[to++] = ascii.charCodeAt(at)
    this.#to = to
  }

  #putAll(bytes: Uint8Array): void {
    this.#putRange(bytes, 0, bytes.length)
  }

  #put(byte: number): void {
    this.#out[this.#to++] = byte
  }
}

const mostOften = (columns: ReadonlyArray<number>): number => {
  const times = new Map<number, number>()
  for (const column of columns) if (column !== -1) times.set(column, (times.get(column) ?? 0) + 1)
  return Math.max(...times.values())
}

/** Whether `typed` makes a number of the cell. */
const isNumber = (bytes: Uint8Array, start: number, end: number): boolean => {
  const first = bytes[start] === MINUS ? start + 1 : start
  const wholeEnd = endOfDigits(bytes, first, end)
  if (wholeEnd === first || (bytes[first] === ZERO && wholeEnd > first + 1)) return false
  if (end - start > NUMBER_MAX_CHARACTERS) return false
  if (wholeEnd === end) return true
  return bytes[wholeEnd] === POINT && wholeEnd + 1 < end && endOfDigits(bytes, wholeEnd + 1, end) === end
}

const endOfDigits = (bytes: Uint8Array, from: number, end: number): number => {
  let at = from
  while (at < end && bytes[at]! >= ZERO && bytes[at]! <= NINE) at++
  return at
}
