import { join } from "node:path"
import { type Files, ignoreAbsence, type OpenFile } from "@millrace/core/node"
import { endOfData, nextGroup } from "./behind.ts"
import { SPARE_NAME } from "./createSegment.ts"
import { CorruptLog } from "./errors.ts"
import { idText, type LogKey } from "./LogKey.ts"
import { type Problem, type Reader, type Scan, scanSegment } from "./scan.ts"
import { firstOfName, Segment, segmentPath } from "./Segment.ts"
import { readSegmentHeader } from "./segmentHeader.ts"

/** Behind the name of a segment, of its copy with other records. */
export const REWRITTEN = ".rewritten"

interface InspectOptions extends Reader {
  readonly directory: string
  readonly files: Files
  /** Segments wholly at or before it were dropped; a crash may have left their files. */
  readonly droppedUpTo: number
  /** Whose segments they have to be; `undefined` where nobody knows. */
  readonly id?: string | undefined
  /** Whether its first segment was ever made: then there is one. */
  readonly made?: boolean | undefined
}

/** Of the segment that is written to. */
export interface LastSegment extends Scan {
  /** Behind the last byte that is not zero. */
  readonly dataBytes: number
}

/** What the files hold. Nothing was changed. */
export interface Inspection {
  /** In order. */
  readonly segments: ReadonlyArray<Segment>
  /** Of the newest segment that has one. */
  readonly key: LogKey | undefined
  /** `undefined` where there is no segment. */
  readonly last: LastSegment | undefined
  /** Segments with something behind their last record that was refused: the next one was begun without it. */
  readonly trailing: ReadonlyArray<Segment>
  /** Files that a crash left, of no use to anybody. */
  readonly leftovers: ReadonlyArray<string>
  /** The sequence of the next record. */
  readonly next: number
}

/**
 * Reads every record once and changes nothing. Rejects with `CorruptLog` on anything that no crash explains: a torn tail is one
 * only where nothing that was written after it is intact.
 */
export const inspectSegments = async (options: InspectOptions): Promise<Inspection> => {
  const { directory, droppedUpTo } = options
  const { firsts, leftovers } = await namesIn(options)
  const segments: Array<Segment> = []
  const trailing: Array<Segment> = []
  let last: LastSegment | undefined
  for (const [index, first] of firsts.entries()) {
    const due = segments.at(-1)?.next ?? droppedUpTo + 1
    if (first !== due) throw missing(directory, due, first)
    const looked = await inspectSegment(first, firsts[index + 1], options)
    segments.push(looked.segment)
    if (looked.trails) trailing.push(looked.segment)
    last = looked.last
  }
  if (segments.length === 0 && options.made === true) throw missing(directory, droppedUpTo + 1, undefined)
  const key = segments.findLast(({ format }) => format.key !== undefined)?.format.key
  return { segments, key, last, trailing, leftovers, next: segments.at(-1)?.next ?? droppedUpTo + 1 }
}

const missing = (directory: string, due: number, next: number | undefined) => {
  const what = next === undefined ? "and there is no other" : `the next one begins with record ${next}`
  const problem = `the segment that begins with record ${due} is missing, ${what}`
  return new CorruptLog({ file: segmentPath(directory, due), offsetBytes: 0, problem })
}

const namesIn = async ({ directory, droppedUpTo, files }: InspectOptions) => {
  const names = (await files.readdir(directory).catch(ignoreAbsence)) ?? []
  const firsts = names
    .map(firstOfName)
    .filter((first) => first !== undefined)
    .toSorted((a, b) => a - b)
  const left = firsts.filter((_, index) => (firsts[index + 1] ?? Infinity) <= droppedUpTo + 1)
  const leftovers = names.filter((name) => name === SPARE_NAME || name.endsWith(REWRITTEN))
  return {
    firsts: firsts.slice(left.length),
    leftovers: [
      ...leftovers.map((name) => join(directory, name)),
      ...left.map((first) => segmentPath(directory, first))
    ]
  }
}

const inspectSegment = async (first: number, following: number | undefined, options: InspectOptions) => {
  const path = segmentPath(options.directory, first)
  const file = await options.files.open(path, "r")
  const damaged = ({ offsetBytes, what }: Problem) => new CorruptLog({ file: path, offsetBytes, problem: what })
  try {
    const format = await readSegmentHeader(file)
    if (typeof format === "string") throw damaged({ offsetBytes: 0, what: format })
    if (format.key !== undefined && idText(format.key) !== (options.id ?? idText(format.key)))
      throw damaged({ offsetBytes: 0, what: `it is a segment of another log, ${idText(format.key)}` })
    const segment = new Segment(options.directory, first, format)
    const scan = await scanSegment(file, format, first, {
      ...options,
      onRecord: (record) => {
        if (following !== undefined && record.sequence >= following) return
        segment.add(record.offsetBytes, record.payload.length)
        options.onRecord(record)
      }
    })
    if (following === undefined)
      return { segment, trails: false, last: await inspectTail(file, segment, scan, damaged) }
    if (scan.next < following) throw damaged(gapOf(scan, `the next segment begins with record ${following}`))
    // What lies behind, whole records too, was never acknowledged: the next segment was begun without it.
    return { segment, trails: (await file.size()) > segment.endBytes, last: undefined }
  } finally {
    await file.close()
  }
}

const gapOf = ({ markedBytes, next, problem }: Scan, evidence: string): Problem => ({
  offsetBytes: problem?.offsetBytes ?? markedBytes,
  what: `${problem?.what ?? "nothing"} where record ${next} was due, and ${evidence}`
})

/** Tells a torn tail from damage. */
const inspectTail = async (
  file: OpenFile,
  { format }: Segment,
  scan: Scan,
  damaged: (problem: Problem) => CorruptLog
): Promise<LastSegment> => {
  const size = await file.size()
  if (size < format.allottedBytes) {
    const what = `it ends here, and ${format.allottedBytes} bytes of it were written: it was cut short, or later segments are missing`
    throw damaged({ offsetBytes: size, what })
  }
  const from = scan.problem?.offsetBytes ?? scan.markedBytes
  const group = await nextGroup(file, format, from, scan.next)
  if (group === undefined) return { ...scan, dataBytes: await endOfData(file, scan.endBytes) }
  throw damaged(gapOf(scan, `record ${group.sequence} was written behind it, at byte ${group.offsetBytes}`))
}
