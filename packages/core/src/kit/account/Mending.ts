/**
 * Keeps an engine's streams as they have to be, whatever an operator, or a copy put back, did to them. One mending at a
 * time, whoever asks.
 */
export class Mending {
  readonly #mend: () => Promise<void>
  #running: Promise<void> | undefined
  /** Whether the connection was lost, or mending failed, since all was seen to be there. */
  #isDue = false

  constructor(mend: () => Promise<void>) {
    this.#mend = mend
  }

  /** The connection was lost: who comes next looks first. */
  readonly suspect = (): void => {
    this.#isDue = true
  }

  /** All is there, and followed, once this resolves. */
  readonly mend = (): Promise<void> =>
    (this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    }))

  async #run(): Promise<void> {
    this.#isDue = false
    try {
      await this.#mend()
    } catch (cause) {
      this.#isDue = true
      throw cause
    }
  }

  /**
   * Resolves once all has been there since the connection was last lost, and no mending is under way. A server that comes back
   * may hand out sequences again: what were published before that is seen could be taken for what lay there.
   */
  readonly ready = async (): Promise<void> => {
    if (this.#running !== undefined) await this.#running.catch(() => undefined)
    if (!this.#isDue) return
    await this.mend()
    return this.ready()
  }
}
