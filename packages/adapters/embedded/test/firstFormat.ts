import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { keyFrom } from "../src/log/LogKey.ts"
import {
  Flag,
  type LogRecord,
  readRecord,
  RECORD_HEADER_BYTES,
  recordBytesAt,
  sequenceAt,
  writeRecord
} from "../src/log/record.ts"
import { SEGMENT_HEADER_BYTES } from "../src/log/segmentHeader.ts"

const MAGIC = Buffer.from("MRLOG001", "latin1")
const KEY_AT = MAGIC.length + RECORD_HEADER_BYTES

/** A segment as the first format had it: no headers and no salt, the first record of a group flagged. */
const segmentOf = (bytes: Buffer): Buffer => {
  const { seed } = keyFrom(bytes.subarray(KEY_AT))
  const old = Buffer.alloc(bytes.length)
  MAGIC.copy(old)
  let to = MAGIC.length
  let begins = 0
  for (let at = SEGMENT_HEADER_BYTES; at < bytes.length - RECORD_HEADER_BYTES;) {
    const length = recordBytesAt(bytes, at)
    if (length === 0) break
    const record = readRecord(bytes.subarray(at, at + length), sequenceAt(bytes, at), seed) as LogRecord
    at += length
    if ((record.flags & Flag.header) !== 0) begins = Flag.groupStart
    else {
      to = writeRecord(old, to, { ...record, flags: record.flags | begins }, 0)
      begins = 0
    }
  }
  return bytes.at(-1) === 0 ? old : old.subarray(0, to)
}

const unsealed = (path: string, drop: ReadonlyArray<string>): void => {
  const content = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>
  for (const field of ["crc32", ...drop]) Reflect.deleteProperty(content, field)
  writeFileSync(path, JSON.stringify({ ...content, version: 1 }))
}

/** Turns the folder of a log into what the first version would have left. */
export const toFirstFormat = (directory: string): void => {
  for (const folder of ["log", "dead-letters"]) {
    for (const name of readdirSync(join(directory, folder)).filter((file) => file.endsWith(".log"))) {
      const path = join(directory, folder, name)
      writeFileSync(path, segmentOf(readFileSync(path)))
    }
  }
  for (const name of readdirSync(directory)) {
    if (name === "checkpoint.json") unsealed(join(directory, name), ["dropped"])
    if (name === "erasures.json") unsealed(join(directory, name), [])
  }
}
