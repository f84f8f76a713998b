import {
  lastPosition,
  type LedgerState,
  type Numbering,
  positionOf,
  positionsIn,
  renumbered,
  type StreamRecord,
  Tally
} from "@millrace/core/account"
import type { StreamInfo } from "../client.ts"
import { deliveredTo } from "../consumer.ts"
import type { QueueLog } from "../QueueLog.ts"
import { idOf } from "../streams.ts"
import { labelOf } from "../subjects.ts"
import { labelAt, readStream, sightOf } from "./stream.ts"

export type FollowView = Pick<QueueLog, "broker" | "names" | "ledger" | "notes">

/** Of looks between which the ledger went on. */
const MAX_LOOKS = 100

/** Whether the stream is the one that the ledger numbers; `known`: the last position that it knew before `info` was read. */
export const isFollowed = (state: LedgerState, info: StreamInfo, known: number): boolean => {
  const numbering = state.watch?.numbering
  return (
    numbering !== undefined &&
    streamIn(numbering, info) === numbering.stream &&
    lastPosition(numbering, info.state.last_seq) >= known
  )
}

/** One that does not tell is the same. */
const streamIn = ({ stream }: Numbering, info: StreamInfo): string => idOf(info) ?? stream

/**
 * Has the ledger number the stream that there is: from its first time on, and anew when it hands out sequences again, because it was
 * made again, was put back to an older copy, or was forgotten by a server that was killed.
 */
export const follow = async (view: FollowView): Promise<void> => {
  for (let look = 1; look <= MAX_LOOKS; look++) {
    await view.ledger.refresh()
    const known = await lastKnown(view)
    const info = await readStream(view)
    const { state } = view.ledger
    if (isFollowed(state, info, known)) return
    const record = state.watch === undefined ? await begin(view, info) : again(state, info, known)
    if (record === undefined || record.upTo !== view.ledger.state.upTo) continue
    const sequence = await view.ledger.append(record)
    await view.ledger.refresh()
    if (record.begin === undefined && view.ledger.state.followedAt === sequence) {
      view.notes.push(
        `the stream ${view.names.events} hands out sequences again from ${info.state.last_seq + 1} on: made again, put back to an ` +
          "older copy, or forgotten by a server that was killed; what comes is new, and what was not settled and is missing is lost"
      )
    }
  }
  throw new Error(`the ledger went on during each of ${MAX_LOOKS} looks at the stream`)
}

/** By what was told, and by what the consumer has handed out. */
const lastKnown = async (view: FollowView): Promise<number> => {
  const { state } = view.ledger
  if (state.watch === undefined) return state.last
  return Math.max(state.last, positionOf(state.watch.numbering, await deliveredTo(view)))
}

const again = (state: LedgerState, info: StreamInfo, known: number): StreamRecord => {
  const { numbering } = state.watch!
  const now = { stream: streamIn(numbering, info), last: info.state.last_seq, known }
  return { _tag: "Stream", upTo: state.upTo, numbering: renumbered(numbering, now) }
}

/** Undefined when a message left while it was looked at. */
const begin = async (view: FollowView, info: StreamInfo): Promise<StreamRecord | undefined> => {
  const { ledger, names } = view
  const numbering = {
    log: `nats:${names.events}@${info.created}`,
    stream: idOf(info) ?? info.created,
    epochs: [[1, 0]] as const,
    gaps: []
  }
  const { held, last } = sightOf(numbering, info)
  const { state } = ledger
  const { upTo } = state
  const done = state.settledRanges.flatMap(([start, end]) => held.within(start, end))
  const sum = new Tally()
  const replayed = new Tally()
  const add = (label: ReturnType<typeof labelOf>, times: number) => {
    if (label === undefined) return
    sum.add(label.project_id, times * label.count)
    if (label.replay) replayed.add(label.project_id, times * label.count)
  }
  for (const [subject, messages] of Object.entries(info.state.subjects ?? {})) {
    add(labelOf(names.subjects.events, subject), messages)
  }
  for (const position of positionsIn(done)) {
    const label = await labelAt(view, position)
    if (label === undefined) return undefined
    add(label, -1)
  }
  const expected = { front: last, sum: sum.value, replayed: replayed.value, runs: [] }
  return { _tag: "Stream", upTo, numbering, begin: { expected, holes: held.missing(1, last + 1) } }
}
