import { join } from "node:path"
import type { Files, OpenFile } from "@millrace/core/node"
import { errnoOf } from "./errors.ts"
import type { LogKey } from "./LogKey.ts"
import { preallocate, Segment } from "./Segment.ts"
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from "./segmentHeader.ts"

export const SPARE_NAME = "spare.new"

/** For its owner alone. */
export const FILE_MODE = 0o600

export interface SegmentPlace {
  readonly files: Files
  readonly directory: string
  readonly segmentBytes: number
  readonly key: LogKey
}

export const isFull = (cause: unknown): boolean => ["ENOSPC", "EDQUOT"].includes(errnoOf(cause) ?? "")

/** A segment without a name yet, for when the one that is written to is full. Returns the bytes that it holds on the disk. */
export const createSpare = async ({ directory, files, key, segmentBytes }: SegmentPlace): Promise<number> => {
  const file = await files.open(join(directory, SPARE_NAME), "w+", FILE_MODE)
  try {
    const allotted = await allot(file, segmentBytes)
    await file.write(encodeSegmentHeader(key, allotted), 0)
    await file.datasync()
    return allotted
  } finally {
    await file.close()
  }
}

/** On a full disk it goes on without: each sync has the file's size to write as well, and nothing else changes. */
const allot = async (file: OpenFile, segmentBytes: number): Promise<number> => {
  try {
    await preallocate(file, SEGMENT_HEADER_BYTES, segmentBytes)
    return segmentBytes
  } catch (cause) {
    if (!isFull(cause)) throw cause
    await file.truncate(0)
    return 0
  }
}

/** Gives the spare its name: a segment's name never stands for a file without a header. */
export const nameSpare = async (place: SegmentPlace, first: number, allottedBytes: number): Promise<Segment> => {
  const segment = new Segment(place.directory, first, {
    key: place.key,
    allottedBytes,
    startBytes: SEGMENT_HEADER_BYTES
  })
  await place.files.rename(join(place.directory, SPARE_NAME), segment.path)
  return segment
}
