import type { OpenFile } from "@millrace/core/node"
import {
  Flag,
  type LogRecord,
  readRecord,
  RECORD_HEADER_BYTES,
  recordBytesAt,
  SEGMENT_MAGIC,
  sequenceAt
} from "./record.ts"

const WINDOW_BYTES = 1 << 20

/** Reads a file front to back through one bounded buffer. */
class Window {
  readonly #file: OpenFile
  #buffer = Buffer.allocUnsafe(WINDOW_BYTES)
  #start = 0
  #length = 0

  constructor(file: OpenFile) {
    this.#file = file
  }

  /** `bytes` from `position` on, or fewer at the end of the file; a view, valid until the next call. */
  async at(position: number, bytes: number): Promise<Buffer> {
    if (!this.holds(position, bytes)) {
      if (bytes > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(bytes)
      this.#start = position
      this.#length = await this.#file.read(this.#buffer, position)
    }
    return this.view(position, bytes)
  }

  holds(position: number, bytes: number): boolean {
    return position >= this.#start && position + bytes <= this.#start + this.#length
  }

  view(position: number, bytes: number): Buffer {
    const from = position - this.#start
    return this.#buffer.subarray(from, Math.min(from + bytes, this.#length))
  }

  /** Whether a whole record at `position` can be had by {@link view}: scanning must not wait for each one. */
  holdsRecord(position: number): boolean {
    if (!this.holds(position, RECORD_HEADER_BYTES)) return false
    return this.holds(position, recordBytesAt(this.#buffer, position - this.#start))
  }
}

export interface Scan {
  /** Behind the last whole append. */
  readonly endBytes: number
  /** The sequence due at `endBytes`. */
  readonly next: number
  /** Why the scan ended before the end of the written data. */
  readonly problem: { readonly offsetBytes: number; readonly what: string } | undefined
}

export interface ScannedRecord extends LogRecord {
  readonly offsetBytes: number
}

/** Calls `onRecord` for each record of each whole append; the payload is a view, valid during the call. */
export const scanSegment = async (
  file: OpenFile,
  first: number,
  onRecord: (record: ScannedRecord) => void
): Promise<Scan> => {
  const window = new Window(file)
  const magic = await window.at(0, SEGMENT_MAGIC.length)
  if (!magic.equals(SEGMENT_MAGIC))
    return { endBytes: 0, next: first, problem: { offsetBytes: 0, what: "not a segment" } }
  let at: number = SEGMENT_MAGIC.length
  let next = first
  let whole = { endBytes: at, next }
  let partial: Array<ScannedRecord> = []
  for (;;) {
    if (!window.holdsRecord(at)) await loadRecord(window, at)
    const record = recordAt(window, at, next)
    if (record === undefined && partial.length === 0) return { ...whole, problem: undefined }
    if (record === undefined || typeof record === "string") {
      return { ...whole, problem: { offsetBytes: at, what: record ?? "an append was cut short" } }
    }
    const continues = (record.flags & Flag.continues) !== 0
    const scanned = { ...record, offsetBytes: at }
    at += RECORD_HEADER_BYTES + record.payload.length
    next++
    if (continues) {
      partial.push({ ...scanned, payload: Buffer.from(record.payload) })
      continue
    }
    for (const earlier of partial) onRecord(earlier)
    onRecord(scanned)
    partial = []
    whole = { endBytes: at, next }
  }
}

const loadRecord = async (window: Window, at: number): Promise<void> => {
  const header = await window.at(at, RECORD_HEADER_BYTES)
  if (header.length === RECORD_HEADER_BYTES) await window.at(at, recordBytesAt(header, 0))
}

/** `undefined` where nothing was written, a sentence where something broken was. */
const recordAt = (window: Window, at: number, sequence: number): LogRecord | string | undefined => {
  const header = window.view(at, RECORD_HEADER_BYTES)
  const bytes = header.length < RECORD_HEADER_BYTES ? 0 : recordBytesAt(header, 0)
  if (bytes === 0) return isZero(header) ? undefined : "no record where one was due"
  const record = window.view(at, bytes)
  return record.length < bytes ? "cut short" : readRecord(record, sequence)
}

const ZEROS = Buffer.alloc(WINDOW_BYTES)
const isZero = (bytes: Buffer): boolean => bytes.equals(ZEROS.subarray(0, bytes.length))

const SEQUENCES_AHEAD = 1 << 22

/**
 * Tells a torn tail from damage. A group is written only after the one before it was synced, so an intact first
 * record of a later group behind `from` proves that what lies at `from` had been acknowledged.
 */
export const laterGroupBehind = async (file: OpenFile, from: number, sequence: number): Promise<boolean> => {
  const window = new Window(file)
  for (let at = from; ; at += WINDOW_BYTES - RECORD_HEADER_BYTES) {
    const chunk = Buffer.from(await window.at(at, WINDOW_BYTES))
    if (chunk.length < RECORD_HEADER_BYTES) return false
    for (let index = 0; index <= chunk.length - RECORD_HEADER_BYTES; index++) {
      if (((chunk[index + 3] ?? 0) & Flag.groupStart) === 0 || chunk[index + 3]! > 7) continue
      const found = sequenceAt(chunk, index)
      if (found <= sequence || found > sequence + SEQUENCES_AHEAD) continue
      const bytes = recordBytesAt(chunk, index)
      const record = Buffer.from(await window.at(at + index, bytes))
      if (bytes > 0 && record.length === bytes && typeof readRecord(record, found) !== "string") return true
    }
    if (chunk.length < WINDOW_BYTES) return false
  }
}

/** Whether anything but zeros lies at or behind `from`. */
export const hasDataBehind = async (file: OpenFile, from: number): Promise<boolean> => {
  const window = new Window(file)
  for (let at = from; ; at += WINDOW_BYTES) {
    const chunk = await window.at(at, WINDOW_BYTES)
    if (!isZero(chunk)) return true
    if (chunk.length < WINDOW_BYTES) return false
  }
}
