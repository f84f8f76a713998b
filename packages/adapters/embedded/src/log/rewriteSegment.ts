import { dirname } from "node:path"
import type { Files } from "@millrace/core/node"
import { CorruptLog } from "./errors.ts"
import { REWRITTEN } from "./inspectSegments.ts"
import { RECORD_HEADER_BYTES, type LogRecord, writeRecord } from "./record.ts"
import { type ScannedRecord, scanSegment } from "./scan.ts"
import type { Segment } from "./Segment.ts"

/** What a record is to hold instead, in as many bytes; `undefined` to leave it as it is. */
export type Rewrite = (record: LogRecord) => Uint8Array | undefined

interface Readable {
  readonly first: number
  readonly last: number
  readonly read: (from: number, to: number) => Promise<ReadonlyArray<LogRecord>>
}

interface Search {
  readonly from: number
  readonly segments: () => ReadonlyArray<Segment>
  readonly change: Rewrite
  readonly due: Set<Segment>
}

/** Adds the segments that hold something to change, from a record on; returns behind which record it ended. */
export const findDue = async (log: Readable, { change, due, from, segments }: Search): Promise<number> => {
  let at = from
  while (at <= log.last) {
    at = Math.max(at, log.first)
    const segment = segments().findLast((candidate) => candidate.first <= at)!
    const records = await log.read(at, segment.next - 1).catch((error: unknown) => {
      // Dropped while it was read.
      if (at < log.first) return []
      throw error
    })
    if (records.some((record) => change(record) !== undefined)) due.add(segment)
    at += records.length
  }
  return at
}

interface Patch {
  readonly offsetBytes: number
  readonly bytes: Buffer
}

/**
 * Replaces records of a sealed segment. Every record keeps its place, so whoever reads meanwhile sees one or the other. The
 * new file takes the old one's name whole: a crash leaves either.
 */
export const rewriteSegment = async (segment: Segment, files: Files, rewrite: Rewrite): Promise<void> => {
  const patches = await findPatches(segment, files, rewrite)
  if (patches.length === 0) return
  const copy = `${segment.path}${REWRITTEN}`
  try {
    await files.copyFile(segment.path, copy)
    const file = await files.open(copy, "r+")
    try {
      for (const { bytes, offsetBytes } of patches) await file.write(bytes, offsetBytes)
      await file.datasync()
    } finally {
      await file.close()
    }
    await files.rename(copy, segment.path)
    await files.syncDirectory(dirname(segment.path))
  } finally {
    await files.rm(copy)
  }
}

/** At most as large as the segment. */
const findPatches = async (segment: Segment, files: Files, rewrite: Rewrite): Promise<ReadonlyArray<Patch>> => {
  const patches: Array<Patch> = []
  const file = await files.open(segment.path, "r")
  try {
    const onRecord = (record: ScannedRecord) => {
      // Refused, behind its end.
      if (record.sequence >= segment.next) return
      const payload = rewrite(record)
      if (payload === undefined) return
      if (payload.length !== record.payload.length) throw new Error("a record is rewritten in its own size")
      const bytes = Buffer.alloc(RECORD_HEADER_BYTES + payload.length)
      writeRecord(bytes, 0, { ...record, payload }, segment.format.key?.seed ?? 0)
      patches.push({ offsetBytes: record.offsetBytes, bytes })
    }
    const { endBytes, next, problem } = await scanSegment(file, segment.format, segment.first, { onRecord })
    if (next >= segment.next) return patches
    const what = problem?.what ?? `no record where ${next} was due`
    throw new CorruptLog({ file: segment.path, offsetBytes: problem?.offsetBytes ?? endBytes, problem: what })
  } finally {
    await file.close()
  }
}
