import type { ByProject } from "../../event/Event.ts"
import { Tally } from "../Tally.ts"
import type { Account } from "./Account.ts"
import { follow, isFollowed } from "./follow.ts"
import { isUntold, missingIn, recordLost } from "./lose.ts"
import { positionsIn, type Range, RangeSet } from "./ranges.ts"
import type { Label } from "./record.ts"
import { labelAt, lookAt, type Sight, sightOf } from "./sight.ts"

export interface Snapshot {
  readonly accepted: ByProject
  readonly replayed: ByProject
  readonly deadLettered: ByProject
  readonly waiting: ByProject
  readonly lost: ByProject
  readonly bytes: number
  /** Position of the first message that waits. */
  readonly oldest: number | undefined
  /** Positions of all messages that are not settled, those to come included. */
  readonly inFlight: ReadonlyArray<Range>
  /** Settled messages that the stream still holds: about to be acknowledged, or brought back by a server's crash. */
  readonly leftOver: ReadonlyArray<number>
  readonly sight: Sight
}

/** Of looks between which the ledger or the stream went on; then this one fails, and is asked again. */
const MAX_LOOKS = 100
/** Publishers tell of a message shortly after it is in the stream; what is lost before is counted by what they tell. */
const UNTOLD_LOOKS = 10
const UNTOLD_MILLIS = 100

const sleep = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/**
 * Everything counted at one instant: what the stream holds, by the engine's count of labels, and what became of the
 * rest, by the ledger. The stream is read first, so a message that left it before that is in the ledger by then; one that
 * is in neither is lost, and that is recorded before anything is counted.
 */
export const takeSnapshot = async (account: Account): Promise<Snapshot> => {
  let untold = 0
  for (let look = 1; look <= MAX_LOOKS; look++) {
    const known = account.ledger.state.last
    const holding = await lookAt(account.events)
    if (!isFollowed(account.ledger.state, holding, known)) {
      await follow(account)
      continue
    }
    await account.manifest.tell()
    await account.ledger.refresh()
    const { state } = account.ledger
    const { upTo } = state
    const sight = sightOf(state.watch!.numbering, holding)
    // The stream was made again meanwhile, or has gone on far beyond what was read.
    if (!isFollowed(state, holding, known) || state.watch!.expected.front > sight.last) continue
    const out = await labelsOut(account, sight)
    if (out === undefined || account.ledger.state !== state || state.upTo !== upTo) continue
    const expected = expectedIn(sight, out)
    const missing = missingIn(account, sight)
    if (missing.length === 0)
      return { ...countsIn(account, sight, expected, out.returned), ...placesIn(account, sight, out) }
    if (isUntold(account, missing) && ++untold <= UNTOLD_LOOKS) await sleep(UNTOLD_MILLIS)
    else if (holding.isConsistent) await recordLost(account, sight, missing, expected)
  }
  throw new Error(`the ledger went on during each of ${MAX_LOOKS} looks at it`)
}

type Labelled = readonly [position: number, label: Label]

interface Out {
  readonly leftOver: ReadonlyArray<Labelled>
  /** Held for lost, and there all the same: a server that was killed brought it back. */
  readonly returned: ReadonlyArray<Labelled>
}

/** Messages that the stream holds and that are not expected there; undefined when one left while it was looked at. */
const labelsOut = async (account: Account, { held }: Sight): Promise<Out | undefined> => {
  const { state } = account.ledger
  const look = (ranges: ReadonlyArray<Range>) =>
    Promise.all(
      [...positionsIn(ranges.flatMap(([start, end]) => held.within(start, end)))].map(
        async (position) => [position, await labelAt(account, position)] as const
      )
    )
  const [leftOver, returned] = await Promise.all([look(state.settledRanges), look(state.watch!.gone.ranges)])
  const isThere = (one: readonly [number, Label | undefined]): one is Labelled => one[1] !== undefined
  return leftOver.every(isThere) && returned.every(isThere) ? { leftOver, returned } : undefined
}

/** Events by project of the messages that the stream holds and that are expected there, by the engine's count. */
const expectedIn = ({ holding }: Sight, { leftOver, returned }: Out) => {
  const all = new Tally()
  const replayed = new Tally()
  const add = ({ count, project_id, replay }: Label, times: number) => {
    all.add(project_id, times * count)
    if (replay) replayed.add(project_id, times * count)
  }
  for (const [label, messages] of holding.labels) add(label, messages)
  for (const [, label] of [...leftOver, ...returned]) add(label, -1)
  return { all: all.toRecord(), replayed: replayed.toRecord() }
}

const countsIn = (
  { ledger: { state } }: Account,
  { held }: Sight,
  expected: { readonly all: ByProject; readonly replayed: ByProject },
  returned: ReadonlyArray<Labelled>
) => {
  const waiting = new Tally(expected.all)
  const lost = new Tally(state.watch!.lost)
  for (const [position, { count, project_id }] of returned) {
    waiting.add(project_id, count)
    lost.add(project_id, state.dead(position).size - count)
  }
  for (const { events, position, project_id } of state.deadWaiting()) {
    if (held.has(position)) waiting.add(project_id, -events)
  }
  return {
    accepted: new Tally(state.accepted).addAll(expected.all).toRecord(),
    replayed: new Tally(state.replayed).addAll(expected.replayed).toRecord(),
    deadLettered: state.deadLettered,
    waiting: waiting.toRecord(),
    lost: lost.toRecord()
  }
}

const placesIn = ({ ledger: { state } }: Account, sight: Sight, { leftOver }: Out) => {
  const settled = new RangeSet(state.settledRanges)
  const waiting = sight.held.ranges.flatMap(([start, end]) => settled.missing(start, end))
  return {
    bytes: sight.holding.bytes,
    oldest: waiting[0]?.[0],
    inFlight: settled.missing(1, Number.MAX_SAFE_INTEGER),
    leftOver: leftOver.map(([position]) => position),
    sight
  }
}
