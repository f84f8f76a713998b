import type { ByProject } from "@millrace/core"
import type { Broker, StreamInfo } from "../client.ts"
import { labelOf, type Label, type Names } from "../subjects.ts"
import { type Range, RangeSet } from "../ranges.ts"
import type { LedgerLog } from "./LedgerLog.ts"
import { Tally } from "./LedgerState.ts"

export interface Snapshot {
  readonly accepted: ByProject
  readonly replayed: ByProject
  readonly deadLettered: ByProject
  readonly waiting: ByProject
  readonly bytes: number
  /** Position of the first message that waits. */
  readonly oldest: number | undefined
  /** Positions of all messages that are not settled, those to come included. */
  readonly unsettled: ReadonlyArray<Range>
  /** Settled messages that the stream still holds: about to be acknowledged, or brought back by a server's crash. */
  readonly leftOver: ReadonlyArray<number>
  readonly nudges: number
  /** Position of the last message ever published. */
  readonly last: number
}

const READS = 5
/** Of looks between which another reader folded on; then this one fails, and is asked again. */
const MAX_READS = 100

/**
 * Everything counted at one instant: what the stream holds, by the server's index of subjects, and what became of the
 * rest, by the ledger. The stream is read first, so a message that left it before that is in the ledger by then.
 */
export const takeSnapshot = async (broker: Broker, ledger: LedgerLog, names: Names): Promise<Snapshot> => {
  for (let read = 1; ; read++) {
    const info = await readStream(broker, names)
    await ledger.refresh()
    const held = heldPositions(info)
    const leftOver = settledAmong(held, ledger)
    const labels = await Promise.all(leftOver.map((position) => labelAt(broker, names, ledger, position)))
    // One was deleted after the stream was read: what it held is not known here, so look again.
    if (labels.includes(undefined) && read < READS) continue
    // Another reader in this process folded on meanwhile: what follows must be of one state.
    if (settledAmong(held, ledger).length > leftOver.length) {
      if (read < MAX_READS) continue
      throw new Error(`the ledger went on during each of ${MAX_READS} looks at it`)
    }
    return {
      ...count(info, ledger, names, held, labels),
      bytes: info.state.bytes,
      oldest: firstUnsettled(held, ledger),
      unsettled: new RangeSet(ledger.state.settledRanges).missing(1, Number.MAX_SAFE_INTEGER),
      leftOver,
      nudges: info.state.subjects?.[names.subjects.nudge] ?? 0,
      last: info.state.last_seq
    }
  }
}

const count = (
  info: StreamInfo,
  ledger: LedgerLog,
  names: Names,
  held: Held,
  leftOver: ReadonlyArray<Label | undefined>
) => {
  const waiting = new Tally()
  const replayed = new Tally(ledger.state.replayed)
  const add = (label: Label | undefined, times: number) => {
    if (label === undefined) return
    waiting.add(label.project_id, times * label.count)
    if (label.replay) replayed.add(label.project_id, times * label.count)
  }
  for (const [subject, messages] of Object.entries(info.state.subjects ?? {})) {
    add(labelOf(names.subjects.events, subject), messages)
  }
  for (const label of leftOver) add(label, -1)
  const accepted = new Tally(ledger.state.accepted).addAll(waiting.value)
  for (const { events, position, project_id } of ledger.state.deadWaiting()) {
    if (holds(held, position)) waiting.add(project_id, -events)
  }
  return {
    accepted: accepted.value,
    replayed: replayed.value,
    deadLettered: ledger.state.deadLettered,
    waiting: waiting.value
  }
}

/** The server reads its counters and its index one after the other; only what agrees was read at one instant. */
const readStream = async (broker: Broker, names: Names): Promise<StreamInfo> => {
  let info: StreamInfo
  for (let read = 1; ; read++) {
    info = await broker.call(() => broker.streams.info(names.events, { subjects_filter: ">", deleted_details: true }))
    const indexed = Object.values(info.state.subjects ?? {}).reduce((sum, messages) => sum + messages, 0)
    if (indexed === info.state.messages || read === READS) return info
  }
}

interface Held {
  readonly first: number
  readonly last: number
  readonly deleted: ReadonlySet<number>
}

const heldPositions = ({ state }: StreamInfo): Held =>
  state.messages === 0
    ? { first: 1, last: 0, deleted: new Set() }
    : { first: state.first_seq, last: state.last_seq, deleted: new Set(state.deleted ?? []) }

const holds = ({ deleted, first, last }: Held, position: number) =>
  position >= first && position <= last && !deleted.has(position)

const settledAmong = (held: Held, ledger: LedgerLog): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (const [start, end] of ledger.state.settledRanges) {
    for (let position = Math.max(start, held.first); position < Math.min(end, held.last + 1); position++) {
      if (!held.deleted.has(position)) found.push(position)
    }
  }
  return found
}

const firstUnsettled = (held: Held, ledger: LedgerLog): number | undefined => {
  const settled = new RangeSet(ledger.state.settledRanges)
  for (const [start, end] of settled.missing(held.first, held.last + 1)) {
    for (let position = start; position < end; position++) if (!held.deleted.has(position)) return position
  }
  return undefined
}

const labelAt = async (
  broker: Broker,
  names: Names,
  ledger: LedgerLog,
  position: number
): Promise<Label | undefined> => {
  const recent = ledger.state.recent(position)
  if (recent !== undefined) return recent
  const message = await broker.call(() => broker.streams.getMessage(names.events, { seq: position }))
  return message === null ? undefined : labelOf(names.subjects.events, message.subject)
}
