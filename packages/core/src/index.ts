export type { ByProject, Event } from "./event/Event.ts"
export { EventBatch, type Origin } from "./event/EventBatch.ts"
export { linesOfBytes } from "./event/batchCodec.ts"
export { eraseUser, type ErasureReceipt, type ErasureStep } from "./erasure/eraseUser.ts"
export { type ExportLine, exportUser } from "./erasure/exportUser.ts"
export { isShell, shellOf, type Veiled } from "./erasure/shell.ts"
export { type Covered, type Erasure, type Tombstone, Tombstones, type UserHash } from "./erasure/Tombstones.ts"
export { EventInput } from "./event/EventInput.ts"
export { numberOf, parseJson, printJson, type WrittenNumber } from "./json/json.ts"
export { formatInstant, parseInstant } from "./event/instant.ts"
export { judge, type JudgeContext, type Rejection, skewOf, type Verdict } from "./event/judge.ts"
export type { RejectionCode } from "./event/rules.ts"
export {
  accept,
  acceptPlain,
  type Admit,
  type BatchVerdict,
  type IndexedRejection,
  MAX_MESSAGE_BYTES
} from "./ingest/accept.ts"
export { type CommitGroupOptions } from "./ingest/CommitGroup.ts"
export { directDefaults, type DirectOptions, type DirectParts, makeDirectQueue } from "./ingest/directQueue.ts"
export { drain, type DrainOptions, type DrainReport } from "./ingest/drain.ts"
export { type StoreLetters, withStoreLetters } from "./ingest/storeLetters.ts"
export { BadBody, MAX_EVENTS_PER_REQUEST, type RawBatch, readBody } from "./ingest/readBody.ts"
export {
  anonymousIdIn,
  type Identified,
  Identities,
  IDENTIFY,
  type Merge,
  namesUsers,
  withUsers
} from "./identity/Identities.ts"
export { isPlaceholder, placeholders } from "./identity/placeholders.ts"
export { type Ledger, ledger, type Ledgers, ledgers } from "./ledger/ledger.ts"
export { claimStore } from "./etl/belong.ts"
export { load, type LoadReport } from "./etl/load.ts"
export { forgetWarehouse, type ReconcileChoice, type Reconciled, reconcileStore } from "./etl/reconcile.ts"
export {
  countFailure,
  everyMillis,
  type LoopOptions,
  type NextRun,
  superviseLoop,
  superviseOnce,
  waitForWork
} from "./loop/superviseLoop.ts"
export {
  CurrentLoop,
  Loop,
  LoopRegistry,
  Loops,
  type LoopSettings,
  type LoopStatus,
  type LoopTrouble
} from "./loop/Loops.ts"
export { makeLoadAhead } from "./etl/loadAhead.ts"
export {
  Pipeline,
  pipelineDefaults,
  type PipelineError,
  type PipelineLoop,
  type PipelineOptions
} from "./pipeline/Pipeline.ts"
export { type AskedBy, Asker } from "./port/Asker.ts"
export type { Erased, ErasurePlace } from "./port/Erased.ts"
export * from "./port/EventQueue.ts"
export * from "./port/EventStore.ts"
export { StoreMismatch } from "./port/StoreClaim.ts"
export * from "./port/KeyStore.ts"
export { spanOf } from "./trace/traceparent.ts"
export { QueueMeter, type QueueObserver } from "./port/QueueObserver.ts"
export { PersistedLetter } from "./port/PersistedLetter.ts"
export * from "./port/RateLimiter.ts"
export * from "./port/Snapshot.ts"
export * from "./port/UserStore.ts"
export * from "./port/Warehouse.ts"
export { liveSession, withGrant } from "./user/state.ts"
export * from "./metric/Metric.ts"
export { isZone, type OffsetPiece, piecesOf } from "./metric/calendar/zone.ts"
export {
  LARGE_BELOW,
  LARGE_UNITS,
  LOW_PART,
  SMALL_BELOW,
  SMALL_PER_LARGE,
  SMALL_UNITS,
  sumOf
} from "./metric/exactSum.ts"
export type { Dialect, FilteredForms, PropertyForms } from "./metric/Dialect.ts"
export { join, render, sql, type SqlText, type SqlValue } from "./metric/SqlText.ts"
export { BadParameter, BadParameterCode } from "./metric/BadParameter.ts"
export { type Answer, answerSchema, decodeParams, paramsOfJson, query, type RawParams } from "./metric/query.ts"
export * from "./activity/Activity.ts"
export { UserSet } from "./activity/UserSet.ts"
export { BadFilter, type Condition, type Field, type Filter, parseFilter } from "./metric/filter/index.ts"
export { nearest } from "./metric/nearest.ts"
export { isMetricName, type MetricName, metricNames, metrics, type ParamsOf, type RowOf } from "./metric/registry.ts"
