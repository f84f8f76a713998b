import { join } from "node:path"
import { EventBatch } from "@millrace/core"
import { type Files, nodeFiles } from "@millrace/core/node"
import type { ResolvedOptions } from "../config.ts"
import { CorruptLog } from "../log/errors.ts"
import { Flag } from "../log/record.ts"
import type { ScannedRecord } from "../log/scan.ts"
import { SegmentLog } from "../log/SegmentLog.ts"
import type { Checkpoint } from "./Checkpoint.ts"
import { DeadLetters, type Removal } from "./DeadLetters.ts"
import { LogIndex } from "./LogIndex.ts"
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

/** Reads dead letters and log once, and works out again what the process knew when it ended. */
export const recover = async (options: ResolvedOptions, checkpoint: Checkpoint, use: LogUse) => {
  const { files = nodeFiles } = use
  const removals = new Removals()
  const letters = await DeadLetters.open({
    directory: join(options.directory, "dead-letters"),
    segmentBytes: Math.min(LETTER_SEGMENT_BYTES, options.segmentBytes),
    maxBytes: Math.min(LETTER_MAX_BYTES, options.maxBytes),
    files,
    known: checkpoint.letters,
    onRemoval: (removal) => removals.add(removal)
  })
  try {
    const undecidedUpTo = checkpoint.droppedUpTo > 0 ? checkpoint.floor : 0
    const index = new LogIndex({ ...checkpoint, undecidedUpTo })
    const acked = ackedOf(checkpoint)
    const log = await SegmentLog.open({
      ...options,
      directory: join(options.directory, "log"),
      files,
      droppedUpTo: checkpoint.droppedUpTo,
      onRecord: (record) => indexRecord(index, removals, record, { acked, ...use })
    })
    removals.applyRest(index)
    if (log.last < Math.max(checkpoint.floor, checkpoint.countedUpTo)) {
      await log.close()
      const problem = `it ends with record ${log.last}, but ${checkpoint.countedUpTo} were acknowledged`
      throw new CorruptLog({ file: join(options.directory, "log"), offsetBytes: 0, problem })
    }
    return { log, index, letters }
  } catch (error) {
    await letters.shut()
    throw error
  }
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
