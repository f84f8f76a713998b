export { Expected, type ExpectedState, runsOf } from "./Expected.ts"
export { LedgerState } from "./LedgerState.ts"
export {
  generationOf,
  lastPosition,
  type Numbering,
  positionOf,
  positionsOf,
  renumbered,
  sequenceOf
} from "./Numbering.ts"
export { positionsIn, type Range, RangeSet } from "./ranges.ts"
export {
  type Checkpoint,
  checkpointCodec,
  type Label,
  type LedgerRecord,
  type LostRecord,
  recordCodec,
  type SettledMessage,
  type StreamRecord
} from "./record.ts"
export { Tally } from "../Tally.ts"
