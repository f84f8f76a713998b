import type { ByProject } from "../../event/Event.ts"
import { Tally } from "../Tally.ts"
import type { Account } from "./Account.ts"
import { positionsIn, type Range, RangeSet } from "./ranges.ts"
import type { LostRecord } from "./record.ts"
import { labelAt, type Sight } from "./sight.ts"

/** Positions that are neither in the stream nor settled, and not known to be lost yet. */
export const missingIn = ({ ledger: { state } }: Account, { held, last }: Sight): ReadonlyArray<Range> => {
  const accounted = new RangeSet(state.settledRanges)
  for (const [start, end] of [...(state.watch?.gone.ranges ?? []), ...held.ranges]) accounted.add(start, end)
  const { expected, numbering } = state.watch!
  const gaps = new RangeSet(numbering.gaps)
  const told = expected.open().filter((position) => gaps.has(position) && !accounted.has(position))
  for (const [start, end] of numbering.gaps) accounted.add(start, end)
  const missing = new RangeSet(accounted.missing(1, last + 1))
  // In a gap lies only what somebody has told of.
  for (const position of told) missing.add(position, position + 1)
  return missing.ranges
}

/** Whether nobody has told what was in one of them. */
export const isUntold = ({ ledger: { state } }: Account, missing: ReadonlyArray<Range>): boolean => {
  const front = state.watch?.expected.front ?? 0
  const beyond = missing.map(([start, end]): Range => [Math.max(start, front + 1), end])
  return [...positionsIn(beyond)].some((position) => state.watch?.expected.isKnown(position) === false)
}

/** `waiting`: events of all messages that the stream holds and that are expected there, by project. */
export const recordLost = async (
  account: Account,
  sight: Sight,
  missing: ReadonlyArray<Range>,
  waiting: { readonly all: ByProject; readonly replayed: ByProject }
): Promise<void> => {
  const { ledger } = account
  const before = ledger.state.watch!.lost
  const record = await lostRecord(account, sight, missing, waiting)
  if (record === undefined) return
  const sequence = await ledger.append(record)
  await ledger.refresh()
  if (ledger.state.lostAt !== sequence) return
  const lost = new Tally(ledger.state.watch!.lost).minus(before).positive().toEntries()
  if (lost.length === 0) return
  const places = missing.map(([start, end]) => (end === start + 1 ? `${start}` : `${start}-${end - 1}`)).join(", ")
  const events = lost.map(([project, count]) => `${count} of ${project}`).join(", ")
  account.notes.push(`events are lost: ${events}, at the positions ${places} of ${account.events.name}`)
}

const lostRecord = async (
  account: Account,
  { held, last }: Sight,
  ranges: ReadonlyArray<Range>,
  waiting: { readonly all: ByProject; readonly replayed: ByProject }
): Promise<LostRecord | undefined> => {
  const { state } = account.ledger
  const { upTo } = state
  const { expected } = state.watch!
  const { front } = expected
  const none = { _tag: "Lost", ranges, front, accepted: {}, replayed: {}, lost: {} } as const
  if (ranges.every(([start]) => start > front)) return none
  const accepted = new Tally(expected.sum).addAll(waiting.all, -1)
  const replayed = new Tally(expected.replayed).addAll(waiting.replayed, -1)
  const settled = new RangeSet(state.settledRanges)
  for (const position of positionsIn(held.within(front + 1, last + 1))) {
    if (settled.has(position) || state.watch!.gone.has(position)) continue
    const label = await labelAt(account, position)
    if (label === undefined) return undefined
    accepted.add(label.project_id, label.count)
    if (label.replay) replayed.add(label.project_id, label.count)
  }
  if (state.upTo !== upTo || account.ledger.state !== state) return undefined
  const lost = new Tally(accepted)
  const below = new RangeSet(ranges)
  for (const { events, position, project_id } of state.deadWaiting()) {
    if (position <= front && below.has(position)) lost.add(project_id, -events)
  }
  return { ...none, accepted: accepted.toRecord(), replayed: replayed.toRecord(), lost: lost.toRecord() }
}
