import { Context, type Effect } from "effect"
import type { QueueBroken } from "./EventQueue.ts"

/** An observer is told of what only a queue itself sees. Called from hot paths: it must be fast and must not throw. */
export interface QueueObserver {
  /** A wait for the queue's own disk is over. */
  readonly synced: (seconds: number) => void
  /** Events were set aside, durably; `code` is their reason's. */
  readonly deadLettered: (code: string, events: number) => void
}

/** A meter is what a queue reports to: nobody, until somebody observes it. */
export class QueueMeter implements QueueObserver {
  #observer: QueueObserver | undefined

  readonly observe = (observer: QueueObserver): void => {
    this.#observer = observer
  }

  synced(seconds: number): void {
    this.#observer?.synced(seconds)
  }

  deadLettered(code: string, events: number): void {
    if (events > 0) this.#observer?.deadLettered(code, events)
  }
}

/** What a queue alone can tell of its work. */
export class QueueObservation extends Context.Service<
  QueueObservation,
  {
    /** Names who is told from now on, in place of whoever was before. */
    readonly observe: (observer: QueueObserver) => void
  }
>()("@millrace/core/port/QueueObservation") {}

/** The end of a queue whose own disk can fail for good. */
export class QueueFailure extends Context.Service<
  QueueFailure,
  {
    /**
     * Completes once nothing can be written any more, so that the process can end and be started anew. From then on
     * `EventQueue.waiting` fails with the same reason.
     */
    readonly broken: Effect.Effect<QueueBroken>
  }
>()("@millrace/core/port/QueueFailure") {}
