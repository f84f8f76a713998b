export type { ByProject, Event } from "./event/Event.ts"
export { EventBatch, MAX_MESSAGE_BYTES, type Origin } from "./event/EventBatch.ts"
export { linesOfBytes } from "./event/batchCodec.ts"
export { eraseUser, type ErasureReceipt, type ErasureStep } from "./flow/eraseUser.ts"
export { type ExportLine, exportUser } from "./flow/exportUser.ts"
export { isRedacted, redact, type RedactedBatch } from "./event/redact.ts"
export { type Covered, type Erasure, type Tombstone, Tombstones, type UserHash } from "./event/Tombstones.ts"
export { EventInput } from "./event/EventInput.ts"
export { BadJson, decodeJson, numberOf, parseJson, printJson, type WrittenNumber } from "./event/json.ts"
export { formatInstant, parseInstant } from "./event/instant.ts"
export { judge, type JudgeContext, type Rejection, skewOf, type Verdict } from "./event/judge.ts"
export { MAX_EVENTS_PER_REQUEST, type RejectionCode, USER_ID_MAX_CHARACTERS } from "./event/rules.ts"
export { accept, type BatchVerdict, type IndexedRejection } from "./flow/accept.ts"
export { type CommitGroupOptions } from "./kit/CommitGroup.ts"
export { directDefaults, type DirectOptions, type DirectParts, makeDirectQueue } from "./kit/directQueue.ts"
export { PublishGroups } from "./kit/PublishGroups.ts"
export { drain, type DrainOptions } from "./flow/drain.ts"
export type { DrainReport } from "./kit/storeAll.ts"
export { type Attempted, type AttemptLimits, expire, lastAlone, type Lease, settle } from "./kit/settle.ts"
export { Tally, type TallyEntries } from "./kit/Tally.ts"
export { type StoreLetters, withStoreLetters } from "./kit/storeLetters.ts"
export { BadBody, type Body, mayHoldKey, type RawBatch, readBatch, readBody, readPlain } from "./event/readBody.ts"
export {
  anonymousIdIn,
  type Identified,
  Identities,
  IDENTIFY,
  type Merge,
  namesUsers,
  withUsers
} from "./event/Identities.ts"
export { isPlaceholder, placeholders } from "./event/placeholders.ts"
export { type Ledger, ledger, type Ledgers, ledgers } from "./flow/ledger.ts"
export { claimStore } from "./flow/belong.ts"
export { load, type LoadReport } from "./flow/load.ts"
export { forgetWarehouse, type ReconcileChoice, type Reconciled, reconcileStore } from "./flow/reconcile.ts"
export {
  countFailure,
  everyMillis,
  type LoopOptions,
  type NextRun,
  superviseLoop,
  superviseOnce,
  waitForWork
} from "./kit/superviseLoop.ts"
export {
  CurrentLoop,
  Loop,
  LoopRegistry,
  Loops,
  type LoopSettings,
  type LoopStatus,
  type LoopTrouble
} from "./kit/Loops.ts"
export { eventOfRow } from "./metric/eventOfRow.ts"
export { type NoTurn, type TurnOptions, Turns } from "./kit/turns/Turns.ts"
export { makeLoadAhead } from "./flow/loadAhead.ts"
export {
  Pipeline,
  pipelineDefaults,
  type PipelineError,
  type PipelineLoop,
  type PipelineOptions
} from "./flow/Pipeline.ts"
export { type AskerId, Asker } from "./port/Asker.ts"
export type { Erased, ErasurePlace } from "./event/Erased.ts"
export * from "./port/Claims.ts"
export * from "./port/DeadLetters.ts"
export * from "./port/Erasure.ts"
export * from "./port/EventQueue.ts"
export * from "./port/EventStore.ts"
export * from "./port/Ledger.ts"
export type { QueueServices, StoreServices, WarehouseServices } from "./port/services.ts"
export { StoreMismatch } from "./port/StoreClaim.ts"
export * from "./port/KeyStore.ts"
export { spanOf } from "./event/traceparent.ts"
export { QueueFailure, QueueMeter, QueueObservation, type QueueObserver } from "./port/QueueObserver.ts"
export { PersistedLetter } from "./kit/PersistedLetter.ts"
export * from "./port/RateLimiter.ts"
export * from "./port/Snapshot.ts"
export * from "./port/AccountStore.ts"
export * from "./port/Warehouse.ts"
export { liveSession, withGrant } from "./port/sessions.ts"
export * from "./metric/Metric.ts"
export { measureOf, type RawRow } from "./metric/rows.ts"
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
export { type Answer, query } from "./flow/query.ts"
export { answerSchema, decodeParams, paramsOfJson, type RawParams } from "./metric/questions.ts"
export * from "./metric/activity/Activity.ts"
export { UserSet } from "./metric/activity/UserSet.ts"
export { BadFilter, type Condition, type Field, type Filter, parseFilter } from "./metric/filter/index.ts"
export { fieldsOf, type Kind, type Parameter, parametersIn } from "./metric/Parameter.ts"
export { nearest } from "./metric/nearest.ts"
export type { Drawing, DrawnColumn, Shape } from "./metric/Drawing.ts"
export {
  cellParametersOf,
  type CountingName,
  countingNames,
  isMetricName,
  listingOf,
  type MetricName,
  metricNames,
  metrics,
  type ParamsOf,
  type RowOf
} from "./metric/registry.ts"
export { timeBuckets, type TimelineParams } from "./metric/calendar.ts"
export { matchesEvent } from "./metric/events.ts"
export { type BreakdownValue } from "./metric/breakdown/index.ts"
export { writeScalar } from "./metric/breakdown/scalar.ts"
