import type { OpenFile } from "@millrace/core/node"
import { SALT_BYTES } from "./LogKey.ts"
import { Flag, type LogRecord, readRecord, RECORD_HEADER_BYTES, recordBytesAt, sequenceAt } from "./record.ts"
import type { SegmentFormat } from "./segmentHeader.ts"
import { isZero, Window, WINDOW_BYTES } from "./Window.ts"

interface FoundGroup extends LogRecord {
  readonly offsetBytes: number
}

/**
 * The first intact beginning of a group at or behind `from`, with a sequence of at least `due`. It was written only after all
 * before it had been synced: whatever is broken before it had been acknowledged, and is no torn tail.
 */
export const nextGroup = async (
  file: OpenFile,
  format: SegmentFormat,
  from: number,
  due: number
): Promise<FoundGroup | undefined> => {
  const window = await Window.open(file)
  const overlap = RECORD_HEADER_BYTES + SALT_BYTES
  for (let at = from; ; at += WINDOW_BYTES - overlap) {
    const chunk = Buffer.from(await window.at(at, WINDOW_BYTES))
    for (const index of candidates(chunk, format)) {
      const found = sequenceAt(chunk, index)
      const bytes = recordBytesAt(chunk, index)
      if (found < due || !Number.isSafeInteger(found) || bytes === 0) continue
      const record = Buffer.from(await window.at(at + index, bytes))
      const read = record.length < bytes ? "cut short" : readRecord(record, found, format.key?.seed ?? 0)
      if (typeof read !== "string") return { ...read, offsetBytes: at + index }
    }
    if (chunk.length < WINDOW_BYTES) return undefined
  }
}

/** Places where one may begin. */
const candidates = function* (chunk: Buffer, { key }: SegmentFormat): Generator<number> {
  if (key !== undefined) {
    for (let hit = chunk.indexOf(key.salt); hit >= 0; hit = chunk.indexOf(key.salt, hit + 1)) {
      const index = hit - RECORD_HEADER_BYTES
      if (index >= 0 && chunk[index + 3] === Flag.header) yield index
    }
    return
  }
  // The first format has nothing that a client could not write; a group has its flag, and flags beyond 7 do not exist there.
  for (let index = 0; index <= chunk.length - RECORD_HEADER_BYTES; index++) {
    const flags = chunk[index + 3]!
    if ((flags & Flag.groupStart) !== 0 && flags <= 7) yield index
  }
}

/** Behind the last byte, at or behind `from`, that is not zero; `from` when there is none. */
export const endOfData = async (file: OpenFile, from: number): Promise<number> => {
  const window = await Window.open(file)
  let end = from
  for (let at = from; ; at += WINDOW_BYTES) {
    const chunk = await window.at(at, WINDOW_BYTES)
    if (!isZero(chunk)) end = at + chunk.findLastIndex((byte) => byte !== 0) + 1
    if (chunk.length < WINDOW_BYTES) return end
  }
}
