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
export { erase } from "./erase.ts"
export { follow } from "./follow.ts"
export { LedgerLog } from "./LedgerLog.ts"
export { Mending } from "./Mending.ts"
export type { LogQueue } from "./LogQueue.ts"
export { sequenceOf } from "./Numbering.ts"
export type {
  Entry,
  EventLog,
  Holding,
  KeptBytes,
  LetterLog,
  RecordLog,
  StoredMessage,
  WrittenLetter
} from "./primitives.ts"
export type { Range } from "./ranges.ts"
export type { Label, SettledMessage } from "./record.ts"
export { setAside } from "./setAside.ts"
export { ledgerOf, tellNotes, waitingOf } from "./services.ts"
export { type Snapshot, takeSnapshot } from "./snapshot.ts"
export { type Handed, type Handout, release, take, type Taking } from "./take.ts"
export { deleteEmpty, sweepStream } from "./sweep.ts"
