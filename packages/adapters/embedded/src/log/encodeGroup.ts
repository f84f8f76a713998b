import type { AppendError } from "./errors.ts"
import { Flag, RECORD_HEADER_BYTES, writeRecord } from "./record.ts"
import type { Segment } from "./Segment.ts"

/** Called once the append is durable, with its first sequence, or once it failed. */
export type Settle = (error: AppendError | undefined, first: number) => void

export interface Append {
  readonly payloads: ReadonlyArray<Uint8Array>
  readonly flags: number
  readonly bytes: number
  readonly settle: Settle
}

/** Something to do while nothing is being written. */
export interface Rest {
  /** What has to be written before. */
  readonly after: Append | undefined
  readonly task: () => Promise<void>
  readonly settle: (cause?: unknown) => void
}

/** The payload of a group's header: the salt, and what the log's user notes of all records before it. */
export const encodeHeader = (segment: Segment, note: Uint8Array): Uint8Array =>
  Buffer.concat([segment.format.key!.salt, note])

/** Writes a group's header to the start of `buffer`. */
export const writeHeader = (buffer: Buffer, header: Uint8Array, segment: Segment): number =>
  writeRecord(buffer, 0, { sequence: segment.next, flags: Flag.header, payload: header }, segment.format.key!.seed)

/** Writes the records of a group, which follow those of the segment, to the start of `buffer`. */
export const encodeGroup = (buffer: Buffer, group: ReadonlyArray<Append>, segment: Segment, header: Uint8Array) => {
  const { seed } = segment.format.key!
  const firsts: Array<number> = []
  /** Offset in the segment and bytes of each payload. */
  const places: Array<readonly [number, number]> = []
  let sequence = segment.next
  let at = writeHeader(buffer, header, segment)
  for (const append of group) {
    firsts.push(sequence)
    for (const [index, payload] of append.payloads.entries()) {
      const more = index < append.payloads.length - 1 ? Flag.continues : 0
      places.push([segment.endBytes + at, payload.length])
      at = writeRecord(buffer, at, { sequence: sequence++, flags: append.flags | more, payload }, seed)
    }
  }
  return { firsts, places }
}

export const headerBytes = (header: Uint8Array): number => RECORD_HEADER_BYTES + header.length
