import { Context, type Effect, Schema } from "effect"
import type { Erasure } from "../event/Tombstones.ts"
import type { Event } from "../event/Event.ts"
import type { EventBatch } from "../event/EventBatch.ts"
import type { BoundQuestion } from "../metric/Metric.ts"
import type { Cursor, Page } from "./EventStore.ts"

/** The warehouse is not reachable, closing, or busy: try again. */
export class WarehouseUnavailable extends Schema.TaggedError<WarehouseUnavailable>()("WarehouseUnavailable", {
  cause: Schema.Defect()
}) {
  readonly retryable = true
}
/** Another process owns the warehouse's files. */
export class WarehouseOwned extends Schema.TaggedError<WarehouseOwned>()("WarehouseOwned", {
  path: Schema.String,
  cause: Schema.Defect()
}) {
  readonly retryable = false
}
/** The engine refuses these rows and will refuse them again. */
export class RowsRejected extends Schema.TaggedError<RowsRejected>()("RowsRejected", {
  cause: Schema.Defect()
}) {
  readonly retryable = false
}
/** There is no memory for so many rows at once; fewer of them may do. */
export class OutOfMemory extends Schema.TaggedError<OutOfMemory>()("OutOfMemory", {
  cause: Schema.Defect()
}) {
  readonly retryable = true
}
/** The query failed or passed its limits of time or memory. */
export class QueryFailed extends Schema.TaggedError<QueryFailed>()("QueryFailed", {
  cause: Schema.Defect()
}) {
  readonly retryable = false
}
/** The question was stopped at what one may take of time or memory, and would be again. */
export class QuestionTooExpensive extends Schema.TaggedError<QuestionTooExpensive>()("QuestionTooExpensive", {
  limit: Schema.Literals(["time", "memory"]),
  cause: Schema.Defect()
}) {
  readonly retryable = false
}
/** Too many questions wait, or this one has waited for too long. */
export class QuestionsOverloaded extends Schema.TaggedError<QuestionsOverloaded>()("QuestionsOverloaded", {
  cause: Schema.Defect()
}) {
  readonly retryable = true
}
/** This engine has no form of what the metric asks for. */
export class Unsupported extends Schema.TaggedError<Unsupported>()("Unsupported", {
  feature: Schema.String
}) {
  readonly retryable = false
}

export class WarehouseError extends Schema.TaggedError<WarehouseError>()("WarehouseError", {
  operation: Schema.Literals([
    "open",
    "load",
    "watermark",
    "counts",
    "answer",
    "person",
    "history",
    "erase",
    "rebuild",
    "origin"
  ]),
  reason: Schema.Union([
    WarehouseUnavailable,
    WarehouseOwned,
    RowsRejected,
    OutOfMemory,
    QueryFailed,
    QuestionTooExpensive,
    QuestionsOverloaded,
    Unsupported
  ])
}) {
  get retryable(): boolean {
    return this.reason.retryable
  }
  override get message(): string {
    const detail = this.reason._tag === "Unsupported" ? this.reason.feature : String(this.reason.cause)
    return `${this.operation}: ${this.reason._tag}: ${detail}`
  }
}

export interface Watermark {
  /** The store's cursor up to which every event is loaded; `""` before the first load. */
  readonly cursor: Cursor
  /** Instant in UTC microseconds: every event acknowledged before it is loaded. */
  readonly as_of: number
}

export interface AggregateStatus {
  /**
   * The state they are in. `building`: not whole yet; `mismatched`: found wrong, and unused until they are rebuilt;
   * `off`: none are kept.
   */
  readonly state: "ready" | "building" | "mismatched" | "off"
  /**
   * Answers of this process that came from them, and those that came from the events though the question allowed them.
   */
  readonly answered: number
  readonly passed: number
  /** Comparisons with the events by this process, and those that failed. */
  readonly checks: number
  readonly mismatches: number
}

/**
 * Aggregates are what an engine has worked out beforehand, so that questions about who was active when need not look at
 * every event.
 */
export class Aggregates extends Context.Service<
  Aggregates,
  {
    readonly status: Effect.Effect<AggregateStatus>
    /** Works them out again from the events; returns once it is done. Answers come from the events meanwhile. */
    readonly rebuild: Effect.Effect<void, WarehouseError>
    /**
     * Answers one random question by the aggregates and from the events, at one moment, and compares; whether they agree.
     * Undefined where there is nothing to compare yet.
     */
    readonly check: Effect.Effect<boolean | undefined, WarehouseError>
  }
>()("@millrace/core/port/Aggregates") {}

export interface UserName {
  readonly project_id: string
  readonly user_id: string
}

export interface Person {
  /** Ids of the person; the one that was named comes first. */
  readonly user_ids: ReadonlyArray<string>
  /** Hash of the named one: tells one person from another without telling who. */
  readonly hash: string
  /** Latest instant at which one of their loaded events occurred, in UTC microseconds; 0 without any. */
  readonly latest: number
}

/** The position of the last event of a page of history. */
export type HistoryPlace = Pick<Event, "received_at" | "event_id">

/**
 * The columnar store that answers metrics. What else an engine can do is a service of its own beside it: `WarehouseLedger`,
 * `WarehouseErasure`, `WarehouseOrigin`, `Aggregates`, `WarehouseSnapshot`.
 */
export class Warehouse extends Context.Service<
  Warehouse,
  {
    /**
     * Loads rows, counts and watermark in one transaction, idempotent by `(project_id, event_id)` over all history.
     * `as_of` (if given) becomes the watermark's, also when the page is empty. `after` (if given) is the cursor that the page
     * was read behind: a warehouse that several processes may load refuses it, for now, where another has come further.
     */
    readonly load: (
      page: Pick<Page, "batches" | "cursor" | "duplicates" | "lost"> & { readonly after?: Cursor },
      as_of?: number
    ) => Effect.Effect<{ readonly inserted: number; readonly duplicates: number }, WarehouseError>
    /** Rehearses a load, all of it but the commit: tells which rows the engine refuses. */
    readonly rehearse: (batches: ReadonlyArray<EventBatch>) => Effect.Effect<void, WarehouseError>
    readonly watermark: Effect.Effect<Watermark, WarehouseError>
    /** Answers one metric's question in the engine's own form, with whatever the question makes of its rows: also that they are refused. */
    readonly answer: <Answer>(question: BoundQuestion<Answer>) => Effect.Effect<Answer, WarehouseError>
    /** Finds who is meant by a user id: the id, and all that `$identify` merged into it. */
    readonly person: (user: UserName) => Effect.Effect<Person, WarehouseError>
    /** Reads loaded events of these ids, as they were sent: a page in the order of acceptance. */
    readonly history: (
      ids: Omit<Erasure, "until">,
      page: { readonly after: HistoryPlace | undefined; readonly limit: number }
    ) => Effect.Effect<ReadonlyArray<Event>, WarehouseError>
  }
>()("@millrace/core/port/Warehouse") {}
