import type { Account } from "./Account.ts"
import { lastPosition, type Numbering, positionsOf, sequenceOf } from "./Numbering.ts"
import type { EventLog, Holding } from "./primitives.ts"
import { positionsIn, RangeSet } from "./ranges.ts"
import type { Label } from "./record.ts"

/** What the stream holds at one instant, by position. */
export interface Sight {
  readonly holding: Holding
  readonly held: RangeSet
  readonly last: number
}

const LOOKS = 5

/** Looks again while what is read was not read at one instant. */
export const lookAt = async (events: EventLog): Promise<Holding> => {
  for (let look = 1; ; look++) {
    const holding = await events.look()
    if (holding.isConsistent || look === LOOKS) return holding
  }
}

export const sightOf = (numbering: Numbering, holding: Holding): Sight => ({
  holding,
  held: new RangeSet(holding.held.flatMap((range) => positionsOf(numbering, range))),
  last: lastPosition(numbering, holding.last)
})

/** What is known of a message that lies in the stream; undefined when it is not there any more. */
export const labelAt = async (
  { events, ledger }: Pick<Account, "events" | "ledger">,
  position: number
): Promise<Label | undefined> => {
  const { state } = ledger
  const known = state.recent(position) ?? state.watch?.expected.get(position)
  if (known !== undefined) return known
  const sequence = state.watch === undefined ? position : sequenceOf(state.watch.numbering, position)
  return sequence === undefined ? undefined : events.labelAt(sequence)
}

/** Of one round. */
const TELL_AT_MOST = 512

/** Tells of what lies there up to `upTo` and nobody has told of: a publisher that was killed told nobody of its last messages. */
export const tellOf = async (account: Account, { held }: Sight, upTo: number): Promise<void> => {
  const { expected } = account.ledger.state.watch!
  const beyond = [...positionsIn(held.within(expected.front + 1, upTo + 1))]
  for (const position of beyond.filter((one) => !expected.isKnown(one)).slice(0, TELL_AT_MOST)) {
    const label = await labelAt(account, position)
    if (label !== undefined) account.manifest.add(position, label)
  }
  await account.manifest.tell()
}
