import type { OpenFile } from "@millrace/core/node"
import { KEY_BYTES, keyFrom, type LogKey } from "./LogKey.ts"
import { Flag, readRecord, RECORD_HEADER_BYTES, writeRecord } from "./record.ts"

const MAGIC_BYTES = 8
/** Without a salt: written by earlier versions, read by all. */
const FIRST_FORMAT = Buffer.from("MRLOG001", "latin1")
const MAGIC = Buffer.from("MRLOG002", "latin1")

const PAYLOAD_BYTES = KEY_BYTES + 8

/** Behind the header of a segment that is written today. */
export const SEGMENT_HEADER_BYTES = MAGIC_BYTES + RECORD_HEADER_BYTES + PAYLOAD_BYTES

/** How the records of one segment are read. */
export interface SegmentFormat {
  /** `undefined` in the first format. */
  readonly key: LogKey | undefined
  /** Made durable before the segment got its name: as long as it is the last one it is never shorter. 0 for none. */
  readonly allottedBytes: number
  /** Where the first record lies. */
  readonly startBytes: number
}

/** `[magic | a record: id 16, salt 16, allotted bytes f64]` */
export const encodeSegmentHeader = (key: LogKey, allottedBytes: number): Buffer => {
  const payload = Buffer.alloc(PAYLOAD_BYTES)
  key.id.copy(payload, 0)
  key.salt.copy(payload, KEY_BYTES / 2)
  payload.writeDoubleLE(allottedBytes, KEY_BYTES)
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES)
  MAGIC.copy(header)
  writeRecord(header, MAGIC_BYTES, { sequence: 0, flags: Flag.header, payload }, key.seed)
  return header
}

/** What is wrong with it, where it is none that this version reads. */
export const readSegmentHeader = async (file: OpenFile): Promise<SegmentFormat | string> => {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES)
  const read = await file.read(header, 0)
  const magic = header.subarray(0, MAGIC_BYTES)
  if (magic.equals(FIRST_FORMAT)) return { key: undefined, allottedBytes: 0, startBytes: MAGIC_BYTES }
  if (!magic.equals(MAGIC))
    return `no segment that this version reads begins with ${JSON.stringify(magic.toString("latin1"))}`
  const payload = header.subarray(MAGIC_BYTES + RECORD_HEADER_BYTES)
  const key = keyFrom(payload)
  const record = readRecord(header.subarray(MAGIC_BYTES), 0, key.seed)
  if (read < header.length || typeof record === "string") return "the segment's header is broken"
  return { key, allottedBytes: payload.readDoubleLE(KEY_BYTES), startBytes: SEGMENT_HEADER_BYTES }
}
