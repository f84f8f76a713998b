/** One request's share of the budget. */
export interface Lease {
  /** False when the budget is spent; nothing is charged then. */
  readonly charge: (bytes: number) => boolean
  /** Gives everything back; safe to call twice. */
  readonly release: () => void
}

/**
 * Bounds the body bytes that all requests hold at one time. Charged as bytes arrive, not as they are announced: a
 * thousand clients that promise five megabytes and send nothing cost nothing.
 */
export class BodyBudget {
  readonly limitBytes: number
  #heldBytes = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  open(): Lease {
    let mine = 0
    return {
      charge: (bytes) => {
        if (this.#heldBytes + bytes > this.limitBytes) return false
        this.#heldBytes += bytes
        mine += bytes
        return true
      },
      release: () => {
        this.#heldBytes -= mine
        mine = 0
      }
    }
  }
}
