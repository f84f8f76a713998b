/** Tasks one after the other; one that fails holds up none. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  run<A>(task: () => Promise<A>): Promise<A> {
    const turn = this.#last.then(task)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** Resolves once all that began before has ended. */
  get ended(): Promise<unknown> {
    return this.#last
  }
}
