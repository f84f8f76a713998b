import { Context, type Effect, Schema, type Scope } from "effect"
import type { Erasure, Tombstones } from "../event/Tombstones.ts"
import type { Erased } from "../event/Erased.ts"
import type { ByProject, Event } from "../event/Event.ts"
import type { EventBatch } from "../event/EventBatch.ts"
import type { QueueObserver } from "./QueueObserver.ts"

/** The queue holds as much as it may; nothing was written. */
export class QueueFull extends Schema.TaggedError<QueueFull>()("QueueFull", {
  retryAfterSeconds: Schema.Number
}) {
  readonly retryable = true
}
/** The queue cannot be reached or is closing; nothing was written. */
export class QueueUnavailable extends Schema.TaggedError<QueueUnavailable>()("QueueUnavailable", {
  cause: Schema.Defect()
}) {
  readonly retryable = true
}
/** One message is larger than the queue carries. */
export class MessageTooLarge extends Schema.TaggedError<MessageTooLarge>()("MessageTooLarge", {
  bytes: Schema.Int,
  limitBytes: Schema.Int
}) {
  readonly retryable = false
}
/** The write may or may not have happened: send the same ids again. */
export class PublishAmbiguous extends Schema.TaggedError<PublishAmbiguous>()("PublishAmbiguous", {
  cause: Schema.Defect()
}) {
  readonly retryable = true
}
/**
 * The queue's own disk failed, and what was not durable before is not known any more: nothing is written until the process
 * starts anew. Retryable elsewhere and later.
 */
export class QueueBroken extends Schema.TaggedError<QueueBroken>()("QueueBroken", {
  file: Schema.String,
  /** The error as the system names it: `EIO`, `ENOSPC` … */
  errno: Schema.String,
  cause: Schema.Defect()
}) {
  readonly retryable = true
  override get message(): string {
    return `${this.file} cannot be written (${this.errno}); nothing is accepted until this process starts anew`
  }
}
/** The queue's files are not what was written: it is not opened, and nothing was changed. */
export class QueueDamaged extends Schema.TaggedError<QueueDamaged>()("QueueDamaged", {
  file: Schema.String,
  offsetBytes: Schema.Int,
  problem: Schema.String,
  /** Advice for the operator. */
  advice: Schema.String
}) {
  readonly retryable = false
  override get message(): string {
    return `${this.file} is damaged at byte ${this.offsetBytes}: ${this.problem}; ${this.advice}`
  }
}

export const EventQueueReason = Schema.Union([
  QueueFull,
  QueueUnavailable,
  MessageTooLarge,
  PublishAmbiguous,
  QueueBroken,
  QueueDamaged
])

export class EventQueueError extends Schema.TaggedError<EventQueueError>()("EventQueueError", {
  operation: Schema.Literals(["open", "publish", "take", "ack", "deadLetter", "deadLetters", "depth", "erase"]),
  reason: EventQueueReason
}) {
  get retryable(): boolean {
    return this.reason.retryable
  }
  override get message(): string {
    const detail = detailOf(this.reason)
    return `${this.operation}: ${this.reason._tag}${detail === "" ? "" : `: ${detail}`}`
  }
}

const detailOf = (reason: typeof EventQueueReason.Type): string => {
  if (reason.message !== "") return reason.message
  if (!("cause" in reason)) return ""
  const { cause } = reason
  return cause instanceof Error ? cause.message : String(cause)
}

/** Durability is what an acknowledged publish survives; `none` is memory, for tests and trials. */
export type Durability = "none" | "process-crash" | "fsync"

export interface Delivery {
  /** Batches, at least one; in publishing order unless a message is being redelivered. */
  readonly batches: ReadonlyArray<EventBatch>
  /** Deliveries so far, this one included: 1 on the first; the highest of its messages. */
  readonly attempt: number
}

export interface TakeOptions {
  /** Events that are taken, at the most, but one message at least. */
  readonly limit: number
  readonly ackWaitMillis: number
  /**
   * The parts of a batch, of which the attempts are exhausted, that become dead letters; all of it when not given. While it
   * fails the batch waits: an attempt may have stored a part before it ended, and that part is in no need of rescue.
   */
  readonly unstored?: (batch: EventBatch) => Effect.Effect<ReadonlyArray<EventBatch>, unknown>
}

/** The reason why an event was set aside; `stage` is where it failed. */
export interface DeadLetterReason {
  readonly stage: "queue" | "store" | "warehouse"
  readonly code: string
  readonly message: string
  readonly attempts: number
}

export interface DeadLetter {
  /** The letter's id, assigned by the queue, ascending. */
  readonly id: string
  readonly event: Event
  readonly reason: DeadLetterReason
  /** Instant in UTC microseconds. */
  readonly failed_at: number
}

export interface QueueDepth {
  /** Events accepted and not yet acknowledged by a worker. */
  readonly events: number
  readonly bytes: number
  /** Instant of the oldest such event's acceptance, in UTC microseconds. */
  readonly oldestReceivedAt: number | undefined
  /** Events lost, as in the counts, of all projects; for who looks often. */
  readonly lost: number
}

/**
 * The positions of one log whose messages nobody has acknowledged, those yet to come included: ascending ranges
 * `[start, end)`, the last of which ends at `Number.MAX_SAFE_INTEGER`.
 */
export interface Unsettled {
  readonly log: string
  readonly positions: ReadonlyArray<readonly [start: number, end: number]>
  /**
   * Dead letters of the store's own that the counts hold, where it keeps some; opaque, made and read by the store alone.
   */
  readonly letters?: string | undefined
}

/** Counts since the queue was made; none of them ever falls but where it says so. */
export interface QueueCounts {
  /** Events durably published, replays included. */
  readonly accepted: ByProject
  /** Events ever set aside, whether since replayed, purged or still listed. */
  readonly deadLettered: ByProject
  readonly replayed: ByProject
  /** Events accepted, not acknowledged, not dead-lettered: this one falls. */
  readonly waiting: ByProject
  /**
   * Events accepted, and gone before anybody acknowledged them: by a count that does not come from what is left. Falls when
   * something turns up again.
   */
  readonly lost: ByProject
  /**
   * Positions that these counts hold for waiting; an event that a store took from there already is counted twice
   * otherwise.
   */
  readonly unsettled: Unsettled
}

/** Selects dead letters by id, or all of them. */
export type DeadLetterSelection = ReadonlyArray<string> | "all"

/**
 * The durable queue between acceptance and the hot store. At-least-once: a consumer must be idempotent.
 */
export class EventQueue extends Context.Service<
  EventQueue,
  {
    readonly durability: Durability
    /** Names who is told from now on, in place of whoever was before; absent where there is nothing to tell. */
    readonly observe?: (observer: QueueObserver) => void
    /**
     * Completes once nothing can be written any more, so that the process can end and be started anew; absent where that
     * cannot be. From then on `depth` fails with the same reason.
     */
    readonly broken?: Effect.Effect<QueueBroken>
    /** Publishes a batch, and succeeds once it is durable as `durability` states; never before. */
    readonly publish: (batch: EventBatch) => Effect.Effect<void, EventQueueError>
    /**
     * Waits for at least one message and leases messages of up to `limit` events (at least one message, however
     * large). When the scope closes with success they are acknowledged; with a failure they return after a
     * backoff, or go to the dead letters at the last attempt; by interruption they return at once, uncounted.
     * A lease not settled within `ackWaitMillis` returns as well.
     */
    readonly take: (options: TakeOptions) => Effect.Effect<Delivery, EventQueueError, Scope.Scope>
    /** Sets events of one batch aside, durably; call it before the delivery's scope closes with success. */
    readonly deadLetter: (batch: EventBatch, reason: DeadLetterReason) => Effect.Effect<void, EventQueueError>
    readonly deadLetters: {
      /** Lists those after `after`, ascending by id. */
      readonly list: (options: {
        readonly limit: number
        readonly after?: string
        readonly project_id?: string
      }) => Effect.Effect<ReadonlyArray<DeadLetter>, EventQueueError>
      /** Publishes them again, then takes them off the list; returns how many. */
      readonly replay: (selection: DeadLetterSelection) => Effect.Effect<number, EventQueueError>
      readonly purge: (selection: DeadLetterSelection) => Effect.Effect<number, EventQueueError>
    }
    readonly depth: Effect.Effect<QueueDepth, EventQueueError>
    readonly counts: Effect.Effect<QueueCounts, EventQueueError>
    /**
     * Tombstones of those whose old events are published as shells; whoever publishes sees to it. Empty where the queue
     * keeps none.
     */
    readonly tombstones: Tombstones
    /**
     * Erases durably: leaves shells of the events that wait, takes the dead letters off the list, and leaves no byte of
     * either behind. Counts stay as they are. Repeated, it does what is left to do.
     */
    readonly erase: (erasure: Erasure) => Effect.Effect<ReadonlyArray<Erased>, EventQueueError>
  }
>()("@millrace/core/port/EventQueue") {}
