import { join } from "node:path"
import type { Files, OpenFile } from "@millrace/core/node"
import { CorruptLog } from "./errors.ts"
import { Flag, type LogRecord, readRecord, RECORD_HEADER_BYTES, recordBytesAt } from "./record.ts"
import type { SegmentFormat } from "./segmentHeader.ts"

const NAME = /^(\d{20})\.log$/

export const segmentPath = (directory: string, first: number): string =>
  join(directory, `${String(first).padStart(20, "0")}.log`)

/** The first sequence that a file name tells, or `undefined` if it is no segment's. */
export const firstOfName = (name: string): number | undefined => {
  const match = NAME.exec(name)
  return match === null ? undefined : Number(match[1])
}

/** What is known of one file: where each of its records lies. 4 bytes a record. */
export class Segment {
  readonly path: string
  readonly first: number
  readonly format: SegmentFormat
  /** Behind the last record. */
  endBytes: number
  count = 0
  #offsets = new Uint32Array(64)

  constructor(directory: string, first: number, format: SegmentFormat) {
    this.path = segmentPath(directory, first)
    this.first = first
    this.format = format
    this.endBytes = format.startBytes
  }

  get next(): number {
    return this.first + this.count
  }

  add(offsetBytes: number, payloadBytes: number): void {
    if (this.count === this.#offsets.length) {
      const grown = new Uint32Array(this.count * 2)
      grown.set(this.#offsets)
      this.#offsets = grown
    }
    this.#offsets[this.count++] = offsetBytes
    this.endBytes = offsetBytes + RECORD_HEADER_BYTES + payloadBytes
  }

  /** Records from `from` to `to`, both inclusive: as many as fit in `limitBytes`, at least one. */
  async read(files: Files, from: number, to: number, limitBytes: number): Promise<ReadonlyArray<LogRecord>> {
    const start = this.#offset(from)
    let last = from
    while (last < to && this.#offset(last + 2) - start <= limitBytes) last++
    const bytes = Buffer.allocUnsafe(this.#offset(last + 1) - start)
    const file = await files.open(this.path, "r")
    try {
      await file.read(bytes, start)
    } finally {
      await file.close()
    }
    return this.#parse(bytes, from, start)
  }

  #parse(bytes: Buffer, from: number, start: number): ReadonlyArray<LogRecord> {
    const seed = this.format.key?.seed ?? 0
    const records: Array<LogRecord> = []
    for (let at = 0; at < bytes.length;) {
      const end = at + recordBytesAt(bytes, at)
      const record =
        end > at && end <= bytes.length ? readRecord(bytes.subarray(at, end), from + records.length, seed) : "no record"
      if (typeof record === "string") {
        throw new CorruptLog({ file: this.path, offsetBytes: start + at, problem: record })
      }
      if ((record.flags & Flag.header) === 0) records.push(record)
      at = end
    }
    return records
  }

  #offset(sequence: number): number {
    const index = sequence - this.first
    return index >= this.count ? this.endBytes : this.#offsets[index]!
  }
}

const ZEROS = Buffer.alloc(1 << 20)

/** Writes zeros, so that later syncs need not change the file's size, and makes them durable. */
export const preallocate = async (file: OpenFile, fromBytes: number, toBytes: number): Promise<void> => {
  for (let at = fromBytes; at < toBytes; at += ZEROS.length) {
    await file.write(ZEROS.subarray(0, Math.min(ZEROS.length, toBytes - at)), at)
  }
  await file.datasync()
}
