import type { OpenFile } from "@millrace/core/node"
import { SALT_BYTES } from "./LogKey.ts"
import { Flag, type LogRecord, readRecord, RECORD_HEADER_BYTES, recordBytesAt } from "./record.ts"
import type { SegmentFormat } from "./segmentHeader.ts"
import { isZero, Window } from "./Window.ts"

export interface Problem {
  readonly offsetBytes: number
  readonly what: string
}

export interface Scan {
  /** Behind the last whole append. */
  readonly endBytes: number
  /** The sequence due at `endBytes`. */
  readonly next: number
  /** Where the last group with a whole append begins: what it wrote may not be on the disk yet. */
  readonly groupBytes: number
  /** A header that follows the last whole append ends here, else `endBytes`: it was written once all before it was synced. */
  readonly markedBytes: number
  /** Why the scan ended before the end of the written data. */
  readonly problem: Problem | undefined
}

export interface ScannedRecord extends LogRecord {
  readonly offsetBytes: number
}

export interface Reader {
  /** Each record of each whole append; the payload is a view, valid during the call. */
  readonly onRecord: (record: ScannedRecord) => void
  /** What the log's user noted as true of all records before `next`; a view, too. */
  readonly onNote?: ((note: Buffer, next: number) => void) | undefined
}

/** Reads a segment up to the first thing that is none of its records. */
export const scanSegment = async (
  file: OpenFile,
  { startBytes, key }: SegmentFormat,
  first: number,
  reader: Reader
): Promise<Scan> => {
  const window = await Window.open(file)
  const seed = key?.seed ?? 0
  const scan = new Scanner(startBytes, first, reader)
  for (;;) {
    const { at, next } = scan
    if (!window.holdsRecord(at)) await loadRecord(window, at)
    const record = recordAt(window, at, next, seed)
    if (record === undefined || typeof record === "string") return scan.end(record)
    if ((record.flags & Flag.header) === 0) scan.take(record)
    else if (!scan.open(record)) return scan.end("a group began before an append had ended")
  }
}

/** How far a scan has come. */
class Scanner {
  at: number
  next: number
  readonly #reader: Reader
  #partial: Array<ScannedRecord> = []
  #whole: { readonly endBytes: number; readonly next: number }
  #marked: number
  #openedAt: number
  #group: number

  constructor(startBytes: number, first: number, reader: Reader) {
    this.at = this.#marked = this.#openedAt = this.#group = startBytes
    this.next = first
    this.#whole = { endBytes: startBytes, next: first }
    this.#reader = reader
  }

  take(record: LogRecord): void {
    const scanned = { ...record, offsetBytes: this.at }
    if ((record.flags & Flag.groupStart) !== 0) this.#openedAt = this.at
    this.at += RECORD_HEADER_BYTES + record.payload.length
    this.next++
    if ((record.flags & Flag.continues) !== 0) {
      this.#partial.push({ ...scanned, payload: Buffer.from(record.payload) })
      return
    }
    for (const earlier of this.#partial) this.#reader.onRecord(earlier)
    this.#reader.onRecord(scanned)
    this.#partial = []
    this.#whole = { endBytes: this.at, next: this.next }
    this.#marked = this.at
    this.#group = this.#openedAt
  }

  /** A group's header. */
  open({ payload }: LogRecord): boolean {
    if (this.#partial.length > 0) return false
    this.#openedAt = this.at
    this.at += RECORD_HEADER_BYTES + payload.length
    this.#marked = this.at
    this.#reader.onNote?.(payload.subarray(SALT_BYTES), this.next)
    return true
  }

  end(problem: string | undefined): Scan {
    const what = problem ?? (this.#partial.length > 0 ? "an append was cut short" : undefined)
    return {
      ...this.#whole,
      groupBytes: this.#group,
      markedBytes: this.#marked,
      problem: what === undefined ? undefined : { offsetBytes: this.at, what }
    }
  }
}

const loadRecord = async (window: Window, at: number): Promise<void> => {
  const header = await window.at(at, RECORD_HEADER_BYTES)
  if (header.length === RECORD_HEADER_BYTES) await window.at(at, recordBytesAt(header, 0))
}

/** `undefined` where nothing was written, a sentence where something broken was. */
const recordAt = (window: Window, at: number, sequence: number, seed: number): LogRecord | string | undefined => {
  const header = window.view(at, RECORD_HEADER_BYTES)
  const bytes = header.length < RECORD_HEADER_BYTES ? 0 : recordBytesAt(header, 0)
  if (bytes === 0) return isZero(header) ? undefined : `no record where ${sequence} was due`
  const record = window.view(at, bytes)
  return record.length < bytes ? "cut short" : readRecord(record, sequence, seed)
}
