import { type Erased, EventBatch, type Tombstones } from "@millrace/core"
import type { SegmentLog } from "../log/SegmentLog.ts"
import type { DeadLetters } from "./DeadLetters.ts"
import type { LogIndex } from "./LogIndex.ts"

interface Parts {
  readonly letters: DeadLetters
  readonly index: LogIndex
  readonly tombstones: Tombstones
}

/** Redacts what the tombstones cover, in the log and in the letters, down to their files. */
export const redactLog = async (
  log: SegmentLog,
  { index, letters, tombstones }: Parts
): Promise<ReadonlyArray<Erased>> => {
  const dead_letters = await letters.hideErased(tombstones)
  const redacted = new Map<number, ReadonlyArray<number>>()
  await log.rewrite(({ payload, sequence }) => {
    const found = tombstones.hideErasedBytes(EventBatch.fromBytes(payload))
    if (found !== undefined) redacted.set(sequence, found.indexes)
    return found?.bytes
  })
  let queue = 0
  let store = 0
  for (const [sequence, indexes] of redacted) {
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
