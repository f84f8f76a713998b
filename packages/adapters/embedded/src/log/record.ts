import { crc32 } from "node:zlib"

/**
 * One record, little-endian: `[length u24, flags u8 | crc32 u32 | sequence u64 | payload]`; the checksum begins with the
 * log's salt and covers everything but itself. A length of zero is unwritten (preallocated) space.
 */
export interface LogRecord {
  readonly sequence: number
  /** See {@link Flag}. */
  readonly flags: number
  readonly payload: Buffer
}

export const Flag = {
  /** Free for the log's user. */
  user: 1,
  /** The append goes on with the next record: without its last record, none of it counts. */
  continues: 2,
  /** In segments of the first format, the first record of a group: everything before it was synced when this was written. */
  groupStart: 4,
  /** No record of the log's user, and without a sequence of its own: begins a segment or a group. */
  header: 8,
  /** Stands for a record that could not be had back. */
  lost: 16
} as const

export const RECORD_HEADER_BYTES = 16
export const MAX_PAYLOAD_BYTES = 0xffffff

const checksum = (record: Buffer, seed: number): number => crc32(record.subarray(8), crc32(record.subarray(0, 4), seed))

/** Returns the offset behind the record. `seed` is the log's own: see `LogKey`. */
export const writeRecord = (
  target: Buffer,
  at: number,
  { sequence, flags, payload }: WritableRecord,
  seed: number
): number => {
  const end = at + RECORD_HEADER_BYTES + payload.length
  target.writeUInt32LE(((flags << 24) | payload.length) >>> 0, at)
  target.writeUInt32LE(sequence >>> 0, at + 8)
  target.writeUInt32LE(Math.floor(sequence / 2 ** 32), at + 12)
  target.set(payload, at + RECORD_HEADER_BYTES)
  target.writeUInt32LE(checksum(target.subarray(at, end), seed), at + 4)
  return end
}

interface WritableRecord {
  readonly sequence: number
  readonly flags: number
  readonly payload: Uint8Array
}

/** Bytes of the record that starts at `at`, header included; 0 where nothing was written. */
export const recordBytesAt = (bytes: Buffer, at: number): number => {
  const length = bytes.readUInt32LE(at) & MAX_PAYLOAD_BYTES
  return length === 0 ? 0 : RECORD_HEADER_BYTES + length
}

/** The record in exactly these bytes (a view), or what is wrong with it. */
export const readRecord = (record: Buffer, expectedSequence: number, seed: number): LogRecord | string => {
  if (checksum(record, seed) !== record.readUInt32LE(4)) return "checksum mismatch"
  const sequence = sequenceAt(record, 0)
  if (sequence !== expectedSequence) return `sequence ${sequence} where ${expectedSequence} was due`
  return { sequence, flags: record[3]!, payload: record.subarray(RECORD_HEADER_BYTES) }
}

export const sequenceAt = (bytes: Buffer, at: number): number =>
  bytes.readUInt32LE(at + 8) + bytes.readUInt32LE(at + 12) * 2 ** 32
