import { dirname } from "node:path"
import type { Files, OpenFile } from "@millrace/core/node"
import { createSpare, FILE_MODE, nameSpare, type SegmentPlace } from "./createSegment.ts"
import type { Inspection, LastSegment } from "./inspectSegments.ts"
import type { Segment } from "./Segment.ts"

/** Between the name of a segment and the byte at which it was cut, of a file with what was cut off. */
const CUT = ".cut-"
/** The newest of them are kept. */
const CUTS_MAX = 8

/** Makes what was inspected ready to be written to; returns the segments, and the last of them open. */
export const startSegments = async (
  place: SegmentPlace,
  { last, leftovers, next, segments, trailing }: Inspection
): Promise<{ readonly segments: Array<Segment>; readonly active: OpenFile }> => {
  const { files } = place
  for (const path of leftovers) await files.rm(path)
  // What was removed stays so, also after a power cut: an erased user may lie in it.
  await files.syncDirectory(place.directory)
  for (const segment of trailing) await cutOff(files, segment)
  const written = segments.at(-1)
  if (written !== undefined && last !== undefined) await repairTail(files, written, last)
  if (written?.format.key !== undefined) {
    return { segments: [...segments], active: await files.open(written.path, "r+") }
  }
  // The first one, or what comes behind those of an earlier format.
  const kept = segments.filter(({ count }) => count > 0)
  const segment = await nameSpare(place, next, await createSpare(place))
  await files.syncDirectory(place.directory)
  return { segments: [...kept, segment], active: await files.open(segment.path, "r+") }
}

/** What was refused, and may be a user's who asks to be erased. */
const cutOff = async (files: Files, { endBytes, path }: Segment): Promise<void> => {
  const file = await files.open(path, "r+")
  try {
    await file.truncate(endBytes)
    await file.datasync()
  } finally {
    await file.close()
  }
}

const repairTail = async (files: Files, segment: Segment, last: LastSegment): Promise<void> => {
  const { dataBytes, endBytes, markedBytes } = last
  const marked = markedBytes > endBytes
  const torn = dataBytes > markedBytes
  if (!torn && marked) return
  if (torn) await keepCut(files, segment, last)
  const file = await files.open(segment.path, "r+")
  try {
    if (torn) await zero(file, segment, last)
    if (!marked) await writeAgain(file, last)
    await file.datasync()
  } finally {
    await file.close()
  }
}

/** An append that was never acknowledged is cut off, but not destroyed. */
const keepCut = async (files: Files, segment: Segment, { dataBytes, endBytes }: LastSegment): Promise<void> => {
  const directory = dirname(segment.path)
  const path = `${segment.path}${CUT}${endBytes}`
  const source = await files.open(segment.path, "r")
  try {
    const target = await files.open(path, "w", FILE_MODE)
    try {
      await copyBytes(source, endBytes, dataBytes, (bytes, at) => target.write(bytes, at - endBytes))
      await target.sync()
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
  const cuts = (await files.readdir(directory)).filter((name) => name.includes(CUT)).toSorted()
  for (const name of cuts.slice(0, -CUTS_MAX)) await files.rm(`${directory}/${name}`)
  await files.syncDirectory(directory)
}

/** What was cut off may hold what a user asked to have erased. */
export const forgetCuts = async (files: Files, directory: string): Promise<void> => {
  const cuts = (await files.readdir(directory)).filter((name) => name.includes(CUT))
  for (const name of cuts) await files.rm(`${directory}/${name}`)
  if (cuts.length > 0) await files.syncDirectory(directory)
}

const CHUNK_BYTES = 1 << 20

const copyBytes = async (
  file: OpenFile,
  from: number,
  to: number,
  write: (bytes: Uint8Array, at: number) => Promise<void>
): Promise<void> => {
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(1, to - from)))
  for (let at = from; at < to;) {
    const read = await file.read(chunk.subarray(0, Math.min(chunk.length, to - at)), at)
    if (read === 0) return
    await write(chunk.subarray(0, read), at)
    at += read
  }
}

/** Remains of it behind a later record could otherwise pass for that record's successor. */
const zero = async (file: OpenFile, { format }: Segment, { dataBytes, endBytes }: LastSegment): Promise<void> => {
  if (format.allottedBytes === 0) return file.truncate(endBytes)
  const zeros = Buffer.alloc(Math.min(CHUNK_BYTES, dataBytes - endBytes))
  for (let at = endBytes; at < dataBytes; at += zeros.length) {
    await file.write(zeros.subarray(0, Math.min(zeros.length, dataBytes - at)), at)
  }
}

/**
 * The last group is about to be delivered, so it must be durable first. A sync alone does not do: where one failed before the
 * process ended, the system holds what it was to write for written.
 */
const writeAgain = (file: OpenFile, { endBytes, groupBytes }: LastSegment): Promise<void> =>
  copyBytes(file, groupBytes, endBytes, (bytes, at) => file.write(bytes, at))
