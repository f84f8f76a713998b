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
export { bury, decode, keepBytes, type Known, recordSettled } from "./bury.ts"
export { coveredLetters, type FoundLetter, lettersOf, removeLetters } from "./deadLetters.ts"
export { follow } from "./follow.ts"
export { LedgerLog } from "./LedgerLog.ts"
export type { LogQueue } from "./LogQueue.ts"
export { sequenceOf } from "./Numbering.ts"
export type { Entry, EventLog, Holding, LetterLog, RecordLog, WrittenLetter } from "./primitives.ts"
export type { Range } from "./ranges.ts"
export type { Label, SettledMessage } from "./record.ts"
export { decodeLetter, setAside } from "./setAside.ts"
export { type Sight, tellOf } from "./sight.ts"
export { type Snapshot, takeSnapshot } from "./snapshot.ts"
export { type Handed, type Handout, release, take, type Taking } from "./take.ts"
