import { randomUUID } from "node:crypto"
import { join } from "node:path"
import { EventBatch } from "@millrace/core"
import { type Files, nodeFiles } from "@millrace/core/node"
import type { ResolvedOptions } from "../config.ts"
import { CorruptLog } from "../log/errors.ts"
import type { Inspection } from "../log/inspectSegments.ts"
import { idText } from "../log/LogKey.ts"
import { Flag } from "../log/record.ts"
import type { ScannedRecord } from "../log/scan.ts"
import { SegmentLog } from "../log/SegmentLog.ts"
import type { SegmentLogOptions } from "../log/SegmentLogOptions.ts"
import {
  type Checkpoint,
  checkpointPath,
  emptyCheckpoint,
  encodeCheckpoint,
  readCheckpoint,
  writeCheckpoint
} from "./Checkpoint.ts"
import { DeadLetters, type InspectedLetters, type Removal } from "./DeadLetters.ts"
import { LogIndex } from "./LogIndex.ts"
import { decodeNote, encodeNote } from "./note.ts"
import { uuidBytes } from "./uuidBytes.ts"

const LETTER_SEGMENT_BYTES = 4 << 20
const LETTER_MAX_BYTES = 1 << 30

/** What a log stands on: this machine's, where it is not given. */
export interface Machine {
  readonly files?: Files
  readonly lock?: (directory: string) => Promise<() => void>
}

export interface LogUse extends Machine {
  /** False for a queue whose events go to another store: that one knows identities, so none are kept here. */
  readonly identities: boolean
}

/** A log ready to be used, with what is durably known of it. */
export interface Recovered {
  readonly checkpoint: Checkpoint
  readonly log: SegmentLog
  readonly index: LogIndex
  readonly letters: DeadLetters
}

/** What the files of a log hold. Nothing was changed. */
interface Inspected {
  readonly checkpoint: Checkpoint | undefined
  readonly letters: InspectedLetters
  readonly inspection: Inspection
  readonly index: LogIndex
  readonly start: (id: string) => Promise<SegmentLog>
}

/**
 * Reads dead letters and log once, and works out again what the process knew when it ended. Before anything is written all of
 * it is read and compared; rejects with `CorruptLog` when it does not belong together.
 */
export const recover = async (options: ResolvedOptions, use: LogUse): Promise<Recovered> => {
  const { files = nodeFiles } = use
  const inspected = await inspect(options, use)
  const known = inspected.checkpoint
  const key = inspected.inspection.key ?? inspected.letters.inspection.key
  const id = known?.log ?? (key === undefined ? randomUUID() : idText(key))
  const letters = await inspected.letters.start(id)
  let log: SegmentLog | undefined
  try {
    log = await inspected.start(id)
    const checkpoint = known ?? emptyCheckpoint(id)
    // Last: from now on segments that are not there are missing.
    if (known?.version !== 2) {
      const { index } = inspected
      const dropped = index.droppedBy(checkpoint.droppedUpTo).toEntries()
      await writeCheckpoint(files, options.directory, encodeCheckpoint({ ...checkpoint, version: 2, dropped }))
    }
    return { checkpoint, log, index: inspected.index, letters }
  } catch (error) {
    // Why it does not start is what is told, whatever else fails on this disk.
    await log?.close().catch(() => undefined)
    await letters.shut().catch(() => undefined)
    throw error
  }
}

/** Reads all files of a log, and compares them. */
export const inspect = async (options: ResolvedOptions, use: LogUse): Promise<Inspected> => {
  const { files = nodeFiles } = use
  const checkpoint = await readCheckpoint(files, options.directory)
  const known = checkpoint ?? emptyCheckpoint("")
  const removals = new Removals()
  const made = checkpoint?.version === 2
  const letters = await DeadLetters.inspect({
    directory: join(options.directory, "dead-letters"),
    segmentBytes: Math.min(LETTER_SEGMENT_BYTES, options.segmentBytes),
    maxBytes: Math.min(LETTER_MAX_BYTES, options.maxBytes),
    files,
    id: checkpoint?.log,
    made,
    known: known.letters,
    onRemoval: (removal) => removals.add(removal)
  })
  const undecidedUpTo = known.droppedUpTo > 0 ? known.floor : 0
  const index = new LogIndex({ ...known, undecidedUpTo })
  const acked = ackedOf(known)
  const log: SegmentLogOptions = {
    ...options,
    directory: join(options.directory, "log"),
    files,
    id: checkpoint?.log,
    made,
    droppedUpTo: known.droppedUpTo,
    onRecord: (record) => indexRecord(index, removals, record, { acked, ...use }),
    onNote: (note) => index.sums.recall(decodeNote(note)),
    note: (everything) => encodeNote(index.sums.tell(everything))
  }
  const inspection = await SegmentLog.inspect(log)
  removals.applyRest(index)
  if (known.dropped === undefined) index.sums.assumeDropped()
  compare(options.directory, checkpoint, inspection, letters.inspection)
  return { checkpoint, letters, inspection, index, start: (id) => SegmentLog.start({ ...log, id }, inspection) }
}

/** What was counted is there, or the log is not the one that it was counted in. */
const compare = (directory: string, checkpoint: Checkpoint | undefined, log: Inspection, letters: Inspection): void => {
  if (checkpoint === undefined) {
    if (log.next === 1 && letters.next === 1) return
    const problem = `it is missing, and the log holds ${log.next - 1} records`
    throw new CorruptLog({ file: checkpointPath(directory), offsetBytes: 0, problem })
  }
  holdsAtLeast(log, Math.max(checkpoint.floor, checkpoint.countedUpTo), join(directory, "log"))
  holdsAtLeast(letters, checkpoint.letters.countedUpTo, join(directory, "dead-letters"))
}

const holdsAtLeast = ({ last, next, segments }: Inspection, counted: number, folder: string): void => {
  if (next - 1 >= counted) return
  const problem = `it ends with record ${next - 1}, but ${counted} were acknowledged and counted`
  throw new CorruptLog({ file: segments.at(-1)?.path ?? folder, offsetBytes: last?.endBytes ?? 0, problem })
}

const indexRecord = (
  index: LogIndex,
  removals: Removals,
  record: ScannedRecord,
  known: { readonly acked: (sequence: number) => boolean; readonly identities: boolean }
): void => {
  const { flags, payload, sequence } = record
  const batch = EventBatch.fromBytes(payload)
  index.add({ project_id: batch.project_id, count: batch.count, received_at: batch.received_at, bytes: payload.length })
  removals.applyBefore(index, sequence)
  const stored = (flags & Flag.user) !== 0
  if (stored || known.acked(sequence)) index.ack(sequence, !stored)
  if (known.identities) index.settle(sequence, batch.ids)
  removals.applyAfter(index, sequence)
}

const ackedOf = ({ acked, floor }: Checkpoint) => {
  let range = 0
  return (sequence: number): boolean => {
    while (range < acked.length && acked[range]![1] < sequence) range++
    return sequence <= floor || (range < acked.length && acked[range]![0] <= sequence)
  }
}

/** Replays who was set aside when, since that decides which of two events with one id came first. */
class Removals {
  readonly #early = new Map<number, Array<Removal>>()
  readonly #late = new Map<number, Array<Removal>>()

  add(removal: Removal): void {
    const late = removal.position <= removal.settledUpTo
    const group = late ? this.#late : this.#early
    const key = late ? removal.settledUpTo : removal.position
    const known = group.get(key)
    if (known === undefined) group.set(key, [removal])
    else known.push(removal)
  }

  applyBefore(index: LogIndex, sequence: number): void {
    apply(index, this.#early.get(sequence))
    this.#early.delete(sequence)
  }

  applyAfter(index: LogIndex, sequence: number): void {
    if (index.settled !== sequence) return
    apply(index, this.#late.get(sequence))
    this.#late.delete(sequence)
  }

  /** Those set aside when more had been decided than was saved: nothing undecided was ever shown to anyone. */
  applyRest(index: LogIndex): void {
    for (const removals of this.#late.values()) apply(index, removals)
    this.#late.clear()
  }
}

const apply = (index: LogIndex, removals: ReadonlyArray<Removal> | undefined): void => {
  for (const { event_id, index: event, position } of removals ?? []) {
    if (position > index.droppedUpTo && position <= index.last) index.markDead(position, event, uuidBytes(event_id))
  }
}
