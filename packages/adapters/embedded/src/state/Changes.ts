/** Tells those who wait that something changed. */
export class Changes {
  readonly #waiters = new Set<() => void>()
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Calls back once, after a change later than `seen`. Returns how to call it off. */
  on(seen: number, callback: () => void): () => void {
    if (seen !== this.#count) callback()
    else this.#waiters.add(callback)
    return () => this.#waiters.delete(callback)
  }

  announce(): void {
    this.#count++
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const waiter of waiters) waiter()
  }
}
