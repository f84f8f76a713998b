export {
  type Account,
  generationIn,
  idIn,
  makeAccount,
  NO_EVENTS,
  originIn,
  originOf,
  positionIn,
  recordEmpty
} from "./Account.ts"
export { follow } from "./follow.ts"
export { LedgerLog } from "./LedgerLog.ts"
export { sequenceOf } from "./Numbering.ts"
export type { Entry, EventLog, Holding, RecordLog } from "./primitives.ts"
export type { Range } from "./ranges.ts"
export type { Label, SettledMessage } from "./record.ts"
export { type Sight, tellOf } from "./sight.ts"
export { type Snapshot, takeSnapshot } from "./snapshot.ts"
