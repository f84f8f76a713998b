import type { Files, OpenFile } from "@millrace/core/node"
import { nextGroup } from "../log/behind.ts"
import type { LogKey } from "../log/LogKey.ts"
import { type LogRecord, readRecord, RECORD_HEADER_BYTES, recordBytesAt, sequenceAt } from "../log/record.ts"
import { type Reader, type Scan, scanSegment } from "../log/scan.ts"
import { firstOfName, segmentPath } from "../log/Segment.ts"
import { readSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentFormat } from "../log/segmentHeader.ts"

interface SegmentFile {
  readonly path: string
  readonly first: number
  /** `undefined` where neither its header nor another segment's tells. */
  readonly format: SegmentFormat | undefined
}

/** The segments of a folder in order, each with how it is to be read; a broken header is that of the others. */
export const segmentFiles = async (files: Files, directory: string): Promise<ReadonlyArray<SegmentFile>> => {
  const names = (await files.exists(directory)) ? await files.readdir(directory) : []
  const firsts = names
    .map(firstOfName)
    .filter((first) => first !== undefined)
    .toSorted((a, b) => a - b)
  const read = await Promise.all(
    firsts.map(async (first) => ({
      first,
      path: segmentPath(directory, first),
      header: await headerOf(files, directory, first)
    }))
  )
  const key = read.map(({ header }) => header?.key).findLast((found) => found !== undefined)
  return read.map(({ first, header, path }) => ({ first, path, format: header ?? borrowed(key) }))
}

const headerOf = async (files: Files, directory: string, first: number): Promise<SegmentFormat | undefined> => {
  const file = await files.open(segmentPath(directory, first), "r")
  try {
    const header = await readSegmentHeader(file)
    return typeof header === "string" ? undefined : header
  } finally {
    await file.close()
  }
}

const borrowed = (key: LogKey | undefined): SegmentFormat | undefined =>
  key === undefined ? undefined : { key, allottedBytes: 0, startBytes: SEGMENT_HEADER_BYTES }

/** Tells each record of each whole append that is intact, wherever it lies, in ascending order. */
export const readSurvivors = async (
  files: Files,
  { first, format, path }: SegmentFile & { readonly format: SegmentFormat },
  reader: Reader
): Promise<void> => {
  const file = await files.open(path, "r")
  try {
    let from = { offsetBytes: format.startBytes, sequence: first }
    for (;;) {
      const scan = await scanSegment(file, { ...format, startBytes: from.offsetBytes }, from.sequence, reader)
      const next = (await recordBehind(file, format, scan)) ?? (await groupBehind(file, format, scan))
      if (next === undefined) return
      from = next
    }
  } finally {
    await file.close()
  }
}

interface Place {
  readonly offsetBytes: number
  readonly sequence: number
}

const groupBehind = (file: OpenFile, format: SegmentFormat, scan: Scan): Promise<Place | undefined> =>
  nextGroup(file, format, (scan.problem?.offsetBytes ?? scan.markedBytes) + 1, scan.next)

/** Where the broken record's length is right, the next one of its group. */
const recordBehind = async (file: OpenFile, { key }: SegmentFormat, { next, problem }: Scan) => {
  if (problem === undefined) return undefined
  const header = Buffer.alloc(RECORD_HEADER_BYTES)
  if ((await file.read(header, problem.offsetBytes)) < header.length) return undefined
  const bytes = recordBytesAt(header, 0)
  const offsetBytes = problem.offsetBytes + bytes
  if (bytes === 0 || (await file.read(header, offsetBytes)) < header.length) return undefined
  const record = Buffer.alloc(recordBytesAt(header, 0))
  const sequence = sequenceAt(header, 0)
  if (record.length === 0 || sequence <= next || (await file.read(record, offsetBytes)) < record.length)
    return undefined
  const read: LogRecord | string = readRecord(record, sequence, key?.seed ?? 0)
  return typeof read === "string" ? undefined : { offsetBytes, sequence }
}
