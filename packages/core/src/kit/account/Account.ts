import type { EventBatch, Origin } from "../../event/EventBatch.ts"
import { LedgerLog } from "./LedgerLog.ts"
import { Manifest } from "./Manifest.ts"
import { generationOf, positionOf } from "./Numbering.ts"
import type { EventLog, RecordLog } from "./primitives.ts"
import type { Label } from "./record.ts"

/** The account of one queue: the stream of its events, and the ledger of what became of them. */
export interface Account {
  readonly events: EventLog
  readonly ledger: LedgerLog
  readonly manifest: Manifest
  /** What was noticed in passing, to be logged by whoever comes next. */
  readonly notes: Array<string>
}

/** To be followed before anything else is asked of it. */
export const makeAccount = (events: EventLog, records: RecordLog): Account => {
  const ledger = new LedgerLog(records)
  return { events, ledger, manifest: new Manifest(ledger), notes: [] }
}

type Followed = Pick<Account, "ledger">

/** Of a message that was not published by a queue, or only to wake it. */
export const NO_EVENTS: Label = { project_id: "", count: 0, replay: false }

const numberingIn = ({ ledger }: Followed) => ledger.state.watch!.numbering

/** Of the sequences that are handed out now. */
export const generationIn = (account: Followed): number => generationOf(numberingIn(account))

/** Where a message of the stream stands in the ledger. */
export const positionIn = (account: Followed, sequence: number): number => positionOf(numberingIn(account), sequence)

/** Identity of the queue, whatever becomes of its stream. */
export const idIn = (account: Followed): string => numberingIn(account).log

/** Messages without events may leave the stream. */
export const recordEmpty = ({ ledger }: Followed, positions: ReadonlyArray<number>): Promise<number> =>
  ledger.append({ _tag: "Settled", messages: positions.map((position) => ({ position, ...NO_EVENTS })) })

export const originOf = (account: Followed, position: number): Origin => ({ log: idIn(account), position, offset: 0 })

/** The batch's place in this queue; throws when it was not taken from it. */
export const originIn = (account: Followed, { origin }: EventBatch): Origin => {
  if (origin?.log !== idIn(account)) {
    throw new Error("only events that were taken from this queue can be set aside; cut batches with slice()")
  }
  return origin
}
