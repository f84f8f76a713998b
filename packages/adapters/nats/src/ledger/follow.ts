import type { StreamInfo } from "../client.ts"
import type { QueueLog } from "../QueueLog.ts"
import { positionsIn } from "../ranges.ts"
import { labelOf } from "../subjects.ts"
import type { LedgerState } from "./LedgerState.ts"
import { lastPosition, renumbered } from "./Numbering.ts"
import type { StreamRecord } from "./record.ts"
import { labelAt, readStream, sightOf } from "./stream.ts"
import { Tally } from "./Tally.ts"

export type FollowView = Pick<QueueLog, "broker" | "names" | "ledger" | "notes">

/** Of looks between which the ledger went on. */
const MAX_LOOKS = 100

/** Whether the stream is the one that the ledger numbers; `known`: the last position that it knew before `info` was read. */
export const isFollowed = (state: LedgerState, info: StreamInfo, known: number): boolean => {
  const numbering = state.watch?.numbering
  // Not by when it was made: a server that was killed may tell another time of the same stream.
  return numbering !== undefined && lastPosition(numbering, info.state.last_seq) >= known
}

/**
 * Has the ledger number the stream that there is: from its first time on, and anew when it was made again or put back to an
 * older copy.
 */
export const follow = async (view: FollowView): Promise<void> => {
  for (let look = 1; look <= MAX_LOOKS; look++) {
    await view.ledger.refresh()
    const known = view.ledger.state.last
    const info = await readStream(view)
    const { state } = view.ledger
    if (isFollowed(state, info, known)) return
    const record = state.watch === undefined ? await begin(view, info) : again(state, info, known)
    if (record === undefined || record.upTo !== view.ledger.state.upTo) continue
    const sequence = await view.ledger.append(record)
    await view.ledger.refresh()
    if (record.begin === undefined && view.ledger.state.followedAt === sequence) {
      view.notes.push(
        `the stream ${view.names.events} was made again or put back: what it had held is lost, what comes is new`
      )
    }
  }
  throw new Error(`the ledger went on during each of ${MAX_LOOKS} looks at the stream`)
}

const again = (state: LedgerState, info: StreamInfo, known: number): StreamRecord => {
  const now = { created: info.created, last: info.state.last_seq, known }
  return { _tag: "Stream", upTo: state.upTo, numbering: renumbered(state.watch!.numbering, now) }
}

/** Undefined when a message left while it was looked at. */
const begin = async (view: FollowView, info: StreamInfo): Promise<StreamRecord | undefined> => {
  const { ledger, names } = view
  const numbering = {
    log: `nats:${names.events}@${info.created}`,
    created: info.created,
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
