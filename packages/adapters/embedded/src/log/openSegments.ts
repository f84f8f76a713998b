import { join } from "node:path"
import type { Files, OpenFile } from "@millrace/core/node"
import { CorruptLog } from "./errors.ts"
import { SEGMENT_MAGIC } from "./record.ts"
import { hasDataBehind, laterGroupBehind, type Scan, scanSegment, type ScannedRecord } from "./scan.ts"
import { firstOfName, preallocate, Segment, segmentPath } from "./Segment.ts"

export const SPARE_NAME = "spare.new"
/** Behind the name of a segment, of its copy with other records. */
export const REWRITTEN = ".rewritten"

export interface OpenedSegments {
  /** In order; the last one is written to. */
  readonly segments: Array<Segment>
  readonly active: OpenFile
}

/** Reads every record once, repairs the tail of the last segment, and refuses damage anywhere else. */
export const openSegments = async (options: {
  readonly directory: string
  readonly segmentBytes: number
  readonly files: Files
  /** Segments wholly at or before it were dropped; a crash may have left their files. */
  readonly droppedUpTo: number
  readonly onRecord: (record: ScannedRecord) => void
}): Promise<OpenedSegments> => {
  const { directory, files, droppedUpTo } = options
  for (const name of await files.readdir(directory)) {
    if (name === SPARE_NAME || name.endsWith(REWRITTEN)) await files.rm(join(directory, name))
  }
  const firsts = await firstsIn(files, directory, droppedUpTo)
  // What was removed stays so, also after a power cut: an erased user may lie in it.
  await files.syncDirectory(directory)
  const segments: Array<Segment> = []
  for (const [index, first] of firsts.entries()) {
    const due = segments.at(-1)?.next ?? droppedUpTo + 1
    if (first !== due) {
      const problem = `the segment that begins with sequence ${due} is missing`
      throw new CorruptLog({ file: segmentPath(directory, first), offsetBytes: 0, problem })
    }
    const last = index === firsts.length - 1
    segments.push(await openSegment(new Segment(directory, first), last, options))
  }
  if (segments.length === 0) segments.push(await createSegment(options, droppedUpTo + 1))
  return { segments, active: await files.open(segments.at(-1)!.path, "r+") }
}

const firstsIn = async (files: Files, directory: string, droppedUpTo: number): Promise<ReadonlyArray<number>> => {
  const firsts = (await files.readdir(directory))
    .map(firstOfName)
    .filter((first) => first !== undefined)
    .toSorted((a, b) => a - b)
  const left = firsts.filter((_, index) => (firsts[index + 1] ?? Infinity) <= droppedUpTo + 1)
  for (const first of left) await files.rm(segmentPath(directory, first))
  return firsts.slice(left.length)
}

/** A segment without a name yet, for when the one that is written to is full. */
export const createSpare = async (
  files: Files,
  { directory, segmentBytes }: { readonly directory: string; readonly segmentBytes: number }
): Promise<void> => {
  const file = await files.open(join(directory, SPARE_NAME), "w+")
  try {
    await file.write(SEGMENT_MAGIC, 0)
    await preallocate(file, SEGMENT_MAGIC.length, segmentBytes)
  } finally {
    await file.close()
  }
}

const createSegment = async (
  options: { readonly directory: string; readonly segmentBytes: number; readonly files: Files },
  first: number
): Promise<Segment> => {
  const segment = new Segment(options.directory, first)
  // The magic goes last: an empty file under a segment's name can only be a first start that was cut short.
  const file = await options.files.open(segment.path, "w+")
  try {
    await preallocate(file, 0, options.segmentBytes)
    await file.write(SEGMENT_MAGIC, 0)
    await file.datasync()
  } finally {
    await file.close()
  }
  await options.files.syncDirectory(options.directory)
  return segment
}

const openSegment = async (
  segment: Segment,
  last: boolean,
  options: {
    readonly directory: string
    readonly segmentBytes: number
    readonly files: Files
    readonly onRecord: (record: ScannedRecord) => void
  }
): Promise<Segment> => {
  const file = await options.files.open(segment.path, "r+")
  try {
    const scan = await scanSegment(file, segment.first, (record) => {
      segment.add(record.offsetBytes, record.payload.length)
      options.onRecord(record)
    })
    if (last && scan.endBytes === 0 && segment.first === 1 && !(await hasDataBehind(file, SEGMENT_MAGIC.length))) {
      return await createSegment(options, segment.first)
    }
    if (last) await repairTail(file, segment, scan, options.segmentBytes)
    else if (scan.problem !== undefined) throw damage(segment, scan.problem)
    return segment
  } finally {
    await file.close()
  }
}

const damage = (segment: Segment, problem: NonNullable<Scan["problem"]>) =>
  new CorruptLog({ file: segment.path, offsetBytes: problem.offsetBytes, problem: problem.what })

/**
 * Cuts off an append that was never acknowledged. The space is zeroed again: remains of it behind a later record
 * could otherwise pass for that record's successor.
 */
const repairTail = async (file: OpenFile, segment: Segment, scan: Scan, segmentBytes: number): Promise<void> => {
  const { endBytes, problem, next } = scan
  if (endBytes === 0) throw damage(segment, problem ?? { offsetBytes: 0, what: "not a segment" })
  if (problem !== undefined && (await laterGroupBehind(file, endBytes, next))) throw damage(segment, problem)
  if (problem !== undefined || (await hasDataBehind(file, endBytes))) {
    await file.truncate(endBytes)
    await preallocate(file, endBytes, segmentBytes)
  }
  // What was written but not synced before the crash is about to be delivered, so it must be durable first.
  await file.datasync()
}
