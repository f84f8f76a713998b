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
