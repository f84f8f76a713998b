import type { Erased } from "../../event/Erased.ts"
import { EventBatch } from "../../event/EventBatch.ts"
import { type Erasure, Tombstones } from "../../event/Tombstones.ts"
import { idIn, positionIn } from "./Account.ts"
import { decode, type Known } from "./bury.ts"
import { coveredLetters, removeLetters } from "./deadLetters.ts"
import type { LogQueue } from "./LogQueue.ts"

/**
 * What waits is published again with redacted events in the user's places, then overwritten where it lay; letters are overwritten. A
 * crash in between leaves both, and ids make one of two. No tombstones are kept here: an event that comes later is the
 * store's to refuse. `isClean`: waits until no byte is left of what was overwritten or acknowledged, or gives up.
 */
export const erase = async (
  queue: LogQueue,
  erasure: Erasure,
  isClean: () => Promise<boolean>
): Promise<ReadonlyArray<Erased>> => {
  const tombstones = new Tombstones((project_id, user_id) => JSON.stringify([project_id, user_id]))
  tombstones.add(erasure)
  await queue.ledger.refresh()
  const events = await redactMessages(queue, tombstones, erasure)
  const letters = await coveredLetters(queue.letters, tombstones, erasure.project_id)
  await removeLetters(queue.letters, letters)
  const pending = !(await isClean())
  return [
    { place: "queue", events, ...(pending ? { pending } : {}) },
    { place: "dead_letters", events: letters.length }
  ]
}

const redactMessages = async (
  queue: LogQueue,
  tombstones: Tombstones,
  { project_id, until }: Erasure
): Promise<number> => {
  let events = 0
  for (let from = 1; ;) {
    const message = await queue.events.next(from, project_id)
    if (message === undefined) return events
    const { bytes, label, sequence } = message
    from = sequence + 1
    if (label === undefined) continue
    const known = { position: positionIn(queue, sequence), label, bytes, traces: [] }
    const batch = decode(queue, known)
    if (batch === undefined) continue
    const erased = batch.events.filter((event) => tombstones.isErased(event)).length
    if (erased === 0) continue
    if (!queue.ledger.state.isSettled(known.position)) {
      await replaceMessage(queue, known, tombstones.hideErased(batch), until)
      events += erased
    }
    await queue.events.delete(sequence, { overwrite: true })
  }
}

/** Those of its events that are dead letters are accounted for under the old message; the others wait in the new one. */
const replaceMessage = async (queue: LogQueue, { label, position }: Known, batch: EventBatch, until: number) => {
  const dead = queue.ledger.state.dead(position)
  const alive = dead.missing(0, batch.count).flatMap(([start, end]) => batch.events.slice(start, end))
  if (alive.length > 0) {
    const msgID = `erase-${idIn(queue)}/${position}/${until}`
    await queue.publisher.send(EventBatch.fromEvents(alive), { replay: label.replay, msgID })
  }
  await queue.ledger.append({
    _tag: "Settled",
    messages: [{ ...label, position, count: dead.size, held: label.count }]
  })
}
