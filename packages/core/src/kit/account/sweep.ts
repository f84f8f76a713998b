import { type Account, positionIn, recordEmpty } from "./Account.ts"
import { sequenceOf } from "./Numbering.ts"
import { tellOf } from "./sight.ts"
import { takeSnapshot } from "./snapshot.ts"

/**
 * Looks after what no worker will answer for: settled messages that are still in the stream, or that a server's crash brought
 * back; messages without events; and what lies there since the last round, and whose publisher has not told of it.
 * `before`: the last position of that round; returns that of this one.
 */
export const sweepStream = async (account: Account, before: number): Promise<number> => {
  const { leftOver, sight } = await takeSnapshot(account)
  const { events, ledger } = account
  for (const position of leftOver) {
    const sequence = sequenceOf(ledger.state.watch!.numbering, position)
    // A failure: acknowledged meanwhile.
    if (sequence !== undefined) await events.delete(sequence, { overwrite: true }).catch(() => undefined)
  }
  // Those of the last round had their effect, or nobody to have it on.
  if (sight.holding.empty > 0) await deleteEmpty(account, 1, before)
  await tellOf(account, sight, before)
  return sight.last
}

/** Messages without events from a sequence on, up to a position. One that a worker takes meanwhile is gone by that. */
export const deleteEmpty = async (account: Account, first: number, upTo: number): Promise<void> => {
  for (let from = first; ;) {
    const sequence = await account.events.nextEmpty(from)
    if (sequence === undefined || positionIn(account, sequence) > upTo) return
    await recordEmpty(account, [positionIn(account, sequence)])
    await account.events.delete(sequence, { overwrite: false }).catch(() => undefined)
    from = sequence + 1
  }
}
