import { type Erased, EventBatch, type Tombstones } from "@millrace/core"
import type { SegmentLog } from "../log/SegmentLog.ts"
import type { DeadLetters } from "./DeadLetters.ts"
import type { LogIndex } from "./LogIndex.ts"

interface Parts {
  readonly letters: DeadLetters
  readonly index: LogIndex
  readonly tombstones: Tombstones
}

/** Leaves shells of what the tombstones cover, in the log and in the letters, down to their files. */
export const veilLog = async (
  log: SegmentLog,
  { index, letters, tombstones }: Parts
): Promise<ReadonlyArray<Erased>> => {
  const dead_letters = await letters.veil(tombstones)
  const veiled = new Map<number, ReadonlyArray<number>>()
  await log.rewrite(({ payload, sequence }) => {
    const found = tombstones.veilBytes(EventBatch.fromBytes(payload))
    if (found !== undefined) veiled.set(sequence, found.indexes)
    return found?.bytes
  })
  let queue = 0
  let store = 0
  for (const [sequence, indexes] of veiled) {
    if (sequence <= index.droppedUpTo || sequence > index.last) continue
    const alive = indexes.filter((event) => !index.isDead(sequence, event)).length
    if (index.isAcked(sequence)) store += alive
    else queue += alive
  }
  return [
    { place: "queue", events: queue },
    { place: "dead_letters", events: dead_letters },
    { place: "store", events: store }
  ]
}
