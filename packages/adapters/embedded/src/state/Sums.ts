import { Tally, type TallyEntries } from "@millrace/core"

export interface KnownSums {
  readonly accepted: TallyEntries
  readonly dropped?: TallyEntries | undefined
}

/**
 * Events since the log was made. `accepted` is what was said when it was: by the checkpoint, by the log's headers, by appends. It
 * is never worked out from what is left, so that what is missing shows.
 */
export class Sums {
  readonly accepted: Tally
  /** What is left, and what was dropped once it was in the warehouse. */
  readonly #counted: Tally
  #dropped: Tally
  /** Whose sums changed since they were told. */
  readonly #touched = new Set<string>()

  constructor(known: KnownSums) {
    this.accepted = new Tally(known.accepted)
    this.#dropped = new Tally(known.dropped)
    this.#counted = new Tally(known.dropped)
  }

  /** `said`: the sum that is known holds it. */
  add(project_id: string, count: number, said: boolean): void {
    if (!said) this.accepted.add(project_id, count)
    this.#counted.add(project_id, count)
    this.#touched.add(project_id)
  }

  /** Accepted, and neither left nor dropped. */
  get lost(): Tally {
    return this.accepted.minus(this.#counted).positive()
  }

  /** All of them, or those that changed since they were last told. */
  tell(everything: boolean): TallyEntries {
    const sums = this.accepted.toEntries()
    const told = everything ? sums : [...this.#touched].map((project) => [project, this.accepted.of(project)] as const)
    this.#touched.clear()
    return told
  }

  /** What was told of all records so far. */
  recall(sums: TallyEntries): void {
    for (const [project, sum] of sums) this.accepted.add(project, Math.max(0, sum - this.accepted.of(project)))
  }

  /** What is missing until now is missing in good order: it was dropped, or is in the warehouse already. */
  assumeDropped(): void {
    const missing = this.lost
    this.#dropped.addAll(missing)
    this.#counted.addAll(missing)
  }

  get dropped(): Tally {
    return this.#dropped
  }

  set dropped(dropped: Tally) {
    this.#dropped = dropped
  }
}
