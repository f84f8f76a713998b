import { crc32 } from "node:zlib"

/**
 * One record, little-endian: `[length u24, flags u8 | crc32 u32 | sequence u64 | payload]`; the checksum covers
 * everything but itself. A length of zero is unwritten (preallocated) space.
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
  /** First record of a group: everything before it was synced when this one was written. */
  groupStart: 4
} as const

export const RECORD_HEADER_BYTES = 16
export const MAX_PAYLOAD_BYTES = 0xffffff
export const SEGMENT_MAGIC = Buffer.from("MRLOG001", "latin1")

const checksum = (record: Buffer): number => crc32(record.subarray(8), crc32(record.subarray(0, 4)))

/** Returns the offset behind the record. */
export const writeRecord = (target: Buffer, at: number, { sequence, flags, payload }: WritableRecord): number => {
  const end = at + RECORD_HEADER_BYTES + payload.length
  target.writeUInt32LE(((flags << 24) | payload.length) >>> 0, at)
  target.writeUInt32LE(sequence >>> 0, at + 8)
  target.writeUInt32LE(Math.floor(sequence / 2 ** 32), at + 12)
  target.set(payload, at + RECORD_HEADER_BYTES)
  target.writeUInt32LE(checksum(target.subarray(at, end)), at + 4)
  return end
}

export interface WritableRecord {
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
export const readRecord = (record: Buffer, expectedSequence: number): LogRecord | string => {
  if (checksum(record) !== record.readUInt32LE(4)) return "checksum mismatch"
  const sequence = sequenceAt(record, 0)
  if (sequence !== expectedSequence) return `sequence ${sequence} where ${expectedSequence} was due`
  return { sequence, flags: record[3]!, payload: record.subarray(RECORD_HEADER_BYTES) }
}

export const sequenceAt = (bytes: Buffer, at: number): number =>
  bytes.readUInt32LE(at + 8) + bytes.readUInt32LE(at + 12) * 2 ** 32
