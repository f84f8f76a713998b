import { Schema } from "effect"
import type { ByProject } from "../../event/Event.ts"
import { Tally } from "../Tally.ts"
import type { LedgerLog } from "./LedgerLog.ts"

const Tallied = Schema.Record(Schema.String, Schema.Int)

/** By project, as if all of it had been settled; of `accepted`, `replayed` are letters that came again. */
const SettledCounts = Schema.Struct({ accepted: Tallied, deadLettered: Tallied, replayed: Tallied })
type SettledCounts = typeof SettledCounts.Type

const CountsText = Schema.fromJsonString(SettledCounts)
export const encodeCounts = Schema.encodeSync(CountsText)
export const decodeCounts = Schema.decodeUnknownSync(CountsText)

/** What the ledger would count if only `consumed` events, and the dead letters, had ever been accepted. */
export const countsFor = async (ledger: LedgerLog, consumed: ByProject): Promise<SettledCounts> => {
  await ledger.refresh()
  const { deadLettered, replayed } = ledger.state
  return { accepted: new Tally(consumed).addAll(deadLettered).toRecord(), deadLettered, replayed }
}

/** As messages that were settled long since, at positions that none has: what is folded by position counts them once. */
export const recordCounts = async (
  ledger: LedgerLog,
  { accepted, deadLettered, replayed }: SettledCounts
): Promise<void> => {
  let position = -1
  for (const [project_id, events] of Object.entries(accepted)) {
    const dead = deadLettered[project_id] ?? 0
    const again = Math.min(events, replayed[project_id] ?? 0)
    if (dead > 0) await ledger.append({ _tag: "Dead", position, project_id, ranges: [[0, dead]] })
    const messages = [
      { position: position--, project_id, count: events - again, replay: false },
      { position: position--, project_id, count: again, replay: true }
    ]
    await ledger.append({ _tag: "Settled", messages })
  }
}
