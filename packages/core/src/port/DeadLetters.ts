import { Context, type Effect } from "effect"
import type { Event } from "../event/Event.ts"
import type { EventBatch } from "../event/EventBatch.ts"
import type { DeadLetterReason, EventQueueError } from "./EventQueue.ts"

export interface DeadLetter {
  /** The letter's id, assigned by the queue, ascending. */
  readonly id: string
  readonly event: Event
  readonly reason: DeadLetterReason
  /** Instant in UTC microseconds. */
  readonly failed_at: number
}

/** Selects dead letters by id, or all of them. */
export type DeadLetterSelection = ReadonlyArray<string> | "all"

export interface ListOptions {
  readonly limit: number
  /** Id of the last letter seen. */
  readonly after?: string
  readonly project_id?: string
}

/** Events that were set aside, until somebody has looked at them. */
export class DeadLetters extends Context.Service<
  DeadLetters,
  {
    /**
     * Sets events of one batch aside, durably; call it before the delivery's scope closes with success. Repeated, it sets
     * nothing aside twice.
     */
    readonly put: (batch: EventBatch, reason: DeadLetterReason) => Effect.Effect<void, EventQueueError>
    /** Lists those after `after`, ascending by id. */
    readonly list: (options: ListOptions) => Effect.Effect<ReadonlyArray<DeadLetter>, EventQueueError>
    /** Publishes them again, then takes them off the list; returns how many. */
    readonly replay: (selection: DeadLetterSelection) => Effect.Effect<number, EventQueueError>
    readonly purge: (selection: DeadLetterSelection) => Effect.Effect<number, EventQueueError>
  }
>()("@millrace/core/port/DeadLetters") {}
