import { Context, type Effect, Schema, type Scope } from "effect"
import type { EventBatch } from "../event/EventBatch.ts"

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

/** The reason why an event was set aside; `stage` is where it failed. */
export interface DeadLetterReason {
  readonly stage: "queue" | "store" | "warehouse"
  readonly code: string
  readonly message: string
  readonly attempts: number
}

export interface TakeOptions {
  /** Events that are taken, at the most, but one message at least. */
  readonly limit: number
  readonly ackWaitMillis: number
  /**
   * Takes over a batch without attempts left; then the queue is done with it. While it fails the batch waits. Where it is
   * not given, the batch becomes dead letters of the queue's own, all of it.
   */
  readonly exhausted?: (batch: EventBatch, reason: DeadLetterReason) => Effect.Effect<void, unknown>
}

/** What a queue holds that no worker has acknowledged. */
export interface Waiting {
  readonly events: number
  readonly bytes: number
  /** Instant of the oldest such event's acceptance, in UTC microseconds. */
  readonly oldestReceivedAt: number | undefined
}

/**
 * The durable queue between acceptance and the hot store. At-least-once: a consumer must be idempotent. What else an engine
 * can do is a service of its own beside it: `DeadLetters`, `QueueLedger`, `QueueErasure`, `QueueObservation`, `QueueFailure`.
 */
export class EventQueue extends Context.Service<
  EventQueue,
  {
    readonly durability: Durability
    /** Publishes a batch, and succeeds once it is durable as `durability` states; never before. */
    readonly publish: (batch: EventBatch) => Effect.Effect<void, EventQueueError>
    /**
     * Waits for at least one message and leases messages of up to `limit` events (at least one message, however
     * large). When the scope closes with success they are acknowledged; with a failure they return after a
     * backoff, or are `exhausted` at the last attempt; by interruption they return at once, uncounted.
     * A lease not settled within `ackWaitMillis` returns as well.
     */
    readonly take: (options: TakeOptions) => Effect.Effect<Delivery, EventQueueError, Scope.Scope>
    readonly waiting: Effect.Effect<Waiting, EventQueueError>
  }
>()("@millrace/core/port/EventQueue") {}
