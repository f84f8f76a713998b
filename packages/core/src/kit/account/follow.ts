import { Tally } from "../Tally.ts"
import type { Account } from "./Account.ts"
import type { LedgerState } from "./LedgerState.ts"
import { lastPosition, type Numbering, positionOf, renumbered } from "./Numbering.ts"
import type { Holding } from "./primitives.ts"
import { positionsIn } from "./ranges.ts"
import type { Label, StreamRecord } from "./record.ts"
import { labelAt, lookAt, sightOf } from "./sight.ts"

/** Of looks between which the ledger went on. */
const MAX_LOOKS = 100

/** Whether the stream is the one that the ledger numbers; `known`: the last position that it knew before `holding` was read. */
export const isFollowed = (state: LedgerState, holding: Holding, known: number): boolean => {
  const numbering = state.watch?.numbering
  return (
    numbering !== undefined &&
    streamIn(numbering, holding) === numbering.stream &&
    lastPosition(numbering, holding.last) >= known
  )
}

/** One that does not tell is the same. */
const streamIn = ({ stream }: Numbering, holding: Holding): string => holding.stream ?? stream

/**
 * Has the ledger number the stream that there is: from its first time on, and anew when it hands out sequences again, because it was
 * made again, was put back to an older copy, or was forgotten by a server that was killed.
 */
export const follow = async (account: Account): Promise<void> => {
  for (let look = 1; look <= MAX_LOOKS; look++) {
    await account.ledger.refresh()
    const known = await lastKnown(account)
    const holding = await lookAt(account.events)
    const { state } = account.ledger
    if (isFollowed(state, holding, known)) return
    const record = state.watch === undefined ? await begin(account, holding) : again(state, holding, known)
    if (record === undefined || record.upTo !== account.ledger.state.upTo) continue
    const sequence = await account.ledger.append(record)
    await account.ledger.refresh()
    if (record.begin === undefined && account.ledger.state.followedAt === sequence) {
      account.notes.push(
        `the stream ${account.events.name} hands out sequences again from ${holding.last + 1} on: made again, put back to an ` +
          "older copy, or forgotten by a server that was killed; what comes is new, and what was not settled and is missing is lost"
      )
    }
  }
  throw new Error(`the ledger went on during each of ${MAX_LOOKS} looks at the stream`)
}

/** By what was told, and by what was handed out. */
const lastKnown = async (account: Account): Promise<number> => {
  const { state } = account.ledger
  if (state.watch === undefined) return state.last
  return Math.max(state.last, positionOf(state.watch.numbering, await account.events.handedOut()))
}

const again = (state: LedgerState, holding: Holding, known: number): StreamRecord => {
  const { numbering } = state.watch!
  const now = { stream: streamIn(numbering, holding), last: holding.last, known }
  return { _tag: "Stream", upTo: state.upTo, numbering: renumbered(numbering, now) }
}

/** Undefined when a message left while it was looked at. */
const begin = async (account: Account, holding: Holding): Promise<StreamRecord | undefined> => {
  const { engine, name } = account.events
  const numbering = {
    log: `${engine}:${name}@${holding.made}`,
    stream: holding.stream ?? holding.made,
    epochs: [[1, 0]] as const,
    gaps: []
  }
  const { held, last } = sightOf(numbering, holding)
  const { state } = account.ledger
  const { upTo } = state
  const done = state.settledRanges.flatMap(([start, end]) => held.within(start, end))
  const sum = new Tally()
  const replayed = new Tally()
  const add = (label: Label, times: number) => {
    sum.add(label.project_id, times * label.count)
    if (label.replay) replayed.add(label.project_id, times * label.count)
  }
  for (const [label, messages] of holding.labels) add(label, messages)
  for (const position of positionsIn(done)) {
    const label = await labelAt(account, position)
    if (label === undefined) return undefined
    add(label, -1)
  }
  const expected = { front: last, sum: sum.toRecord(), replayed: replayed.toRecord(), runs: [] }
  return { _tag: "Stream", upTo, numbering, begin: { expected, holes: held.missing(1, last + 1) } }
}
