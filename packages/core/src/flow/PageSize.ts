/** How often the smallest page is tried before its rows are: what takes the memory away is usually a question, and ends. */
const PATIENCE = 3

/** How many events a page may have: as many as there is memory for, which loading alone tells. */
export class PageSize {
  readonly #max: number
  #limit: number
  #failures = 0

  constructor(max: number) {
    this.#max = max
    this.#limit = max
  }

  get limit(): number {
    return this.#limit
  }

  /** Of the smallest page there was no memory for either, time after time. */
  get isHopeless(): boolean {
    return this.#failures >= PATIENCE
  }

  fits(): void {
    this.#failures = 0
    this.#limit = Math.min(this.#max, this.#limit * 2)
  }

  /** Whether a smaller page can be tried. */
  tooLarge(events: number): boolean {
    if (this.#limit === 1) {
      this.#failures++
      return false
    }
    this.#limit = Math.max(1, Math.floor(Math.min(this.#limit, events) / 2))
    return true
  }
}
