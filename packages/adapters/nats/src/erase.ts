import { type Erased, type Erasure, EventBatch, Tombstones } from "@millrace/core"
import {
  coveredLetters,
  decode,
  type Known,
  NO_EVENTS,
  originOf,
  positionIn,
  recordEmpty,
  removeLetters
} from "@millrace/core/account"
import type { StoredMsg } from "./client.ts"
import type { QueueLog } from "./QueueLog.ts"
import { labelOf, tokenOf } from "./subjects.ts"

/**
 * What waits is published again with redacted events in the user's places, then overwritten where it lay; letters are overwritten. A
 * crash in between leaves both, and ids make one of two. No tombstones are kept here: an event that comes later is the
 * store's to refuse.
 */
export const erase = async (log: QueueLog, erasure: Erasure): Promise<ReadonlyArray<Erased>> => {
  const tombstones = new Tombstones((project_id, user_id) => JSON.stringify([project_id, user_id]))
  tombstones.add(erasure)
  await log.mending.ready()
  await log.ledger.refresh()
  const queue = await redactMessages(log, tombstones, erasure)
  const letters = await coveredLetters(log.letters, tombstones, erasure.project_id)
  await removeLetters(log.letters, letters)
  const pending = !(await isClean(log))
  return [
    { place: "queue", events: queue, ...(pending ? { pending } : {}) },
    { place: "dead_letters", events: letters.length }
  ]
}

const redactMessages = async (
  log: QueueLog,
  tombstones: Tombstones,
  { project_id, until }: Erasure
): Promise<number> => {
  const { broker, names } = log
  const subject = `${names.subjects.events}.*.${tokenOf(project_id)}.*`
  let events = 0
  for (let from = 1; ;) {
    const message = await broker.next(names.events, from, subject)
    if (message === null) return events
    from = message.seq + 1
    const known = knownOf(log, message)
    const batch = known === undefined ? undefined : decode(log, known)
    if (known === undefined || batch === undefined) continue
    const covered = batch.events.filter((event) => tombstones.isErased(event)).length
    if (covered === 0) continue
    if (!log.ledger.state.isSettled(known.position)) {
      await replaceMessage(log, known, tombstones.hideErased(batch), until)
      events += covered
    }
    await broker.call(() => broker.streams.deleteMessage(names.events, message.seq, true))
  }
}

const knownOf = (log: QueueLog, { data, seq, subject }: StoredMsg): Known | undefined => {
  const label = labelOf(log.names.subjects.events, subject)
  return label === undefined ? undefined : { position: positionIn(log, seq), label, bytes: data, traces: [] }
}

/** Those of its events that are dead letters are accounted for under the old message; the others wait in the new one. */
const replaceMessage = async (log: QueueLog, { label, position }: Known, batch: EventBatch, until: number) => {
  const dead = log.ledger.state.dead(position)
  const alive = dead.missing(0, batch.count).flatMap(([start, end]) => batch.events.slice(start, end))
  if (alive.length > 0) {
    const msgID = `erase-${originOf(log, position).log}/${position}/${until}`
    await log.publisher.send(EventBatch.fromEvents(alive), { replay: label.replay, msgID })
  }
  await log.ledger.append({ _tag: "Settled", messages: [{ ...label, position, count: dead.size, held: label.count }] })
}

/** The largest file that a server keeps messages in, and some more. */
const FILLER_BYTES = 9 << 20
const FILLER_MESSAGE_BYTES = 256 << 10
const CLEAN_WITHIN_MILLIS = 2_000
const POLL_MILLIS = 20

/**
 * A message that was acknowledged leaves its bytes in the server's file until the last of that file's messages is gone. So
 * the file is filled up, with messages that every worker throws away, and what waits in it is waited for.
 */
const isClean = async (log: QueueLog): Promise<boolean> => {
  const { state } = await infoOf(log)
  if (state.messages === 0) return true
  const { broker, names } = log
  const messageBytes = Math.min(FILLER_MESSAGE_BYTES, broker.maxPayloadBytes)
  for (let bytes = 0; bytes < FILLER_BYTES; bytes += messageBytes) {
    const { seq } = await broker.publish(names.subjects.nudge, new Uint8Array(messageBytes), {})
    log.manifest.add(positionIn(log, seq), NO_EVENTS)
  }
  const { state: filled } = await infoOf(log)
  const isGone = await waitUntilGone(log, state.last_seq)
  await deleteFiller(log, state.last_seq + 1, filled.last_seq)
  return isGone
}

const infoOf = ({ broker, names }: QueueLog) => broker.call(() => broker.streams.info(names.events))

const waitUntilGone = async (log: QueueLog, position: number): Promise<boolean> => {
  for (let waited = 0; waited < CLEAN_WITHIN_MILLIS; waited += POLL_MILLIS) {
    const { state } = await infoOf(log)
    if (state.messages === 0 || state.first_seq > position) return true
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS))
  }
  return false
}

/** What no worker has taken yet. */
const deleteFiller = async (log: QueueLog, first: number, last: number): Promise<void> => {
  const { broker, names } = log
  for (let from = first; ;) {
    const found = await broker.next(names.events, from, names.subjects.nudge)
    if (found === null || found.seq > last) return
    await recordEmpty(log, [positionIn(log, found.seq)])
    await broker.call(() => broker.streams.deleteMessage(names.events, found.seq, false)).catch(() => undefined)
    from = found.seq + 1
  }
}
