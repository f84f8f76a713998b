import type { ByProject } from "../event/Event.ts"

/** As files hold it; not as an object, where a project named `__proto__` would be lost. */
export type TallyEntries = ReadonlyArray<readonly [project_id: string, count: number]>

/** Counts by project, in any form. */
export type Counts = Tally | TallyEntries | ByProject

/** A count for each project. */
export class Tally {
  readonly #counts = new Map<string, number>()
  #total = 0

  constructor(counts: Counts = []) {
    this.addAll(counts)
  }

  get total(): number {
    return this.#total
  }

  of(project_id: string): number {
    return this.#counts.get(project_id) ?? 0
  }

  add(project_id: string, count: number): void {
    this.#counts.set(project_id, this.of(project_id) + count)
    this.#total += count
  }

  addAll(counts: Counts, times = 1): this {
    for (const [project_id, count] of entriesOf(counts)) this.add(project_id, times * count)
    return this
  }

  /** What this one has more, by project. */
  minus(other: Counts): Tally {
    return new Tally(this).addAll(other, -1)
  }

  /** Counts that are greater than 0. */
  positive(): Tally {
    return new Tally(this.toEntries().filter(([, count]) => count > 0))
  }

  toEntries(): TallyEntries {
    return [...this.#counts]
  }

  /** Projects whose count is 0 are left out. `fromEntries` defines, so a project may be named `__proto__`. */
  toRecord(): ByProject {
    return Object.fromEntries(this.toEntries().filter(([, count]) => count !== 0))
  }
}

const entriesOf = (counts: Counts): TallyEntries => {
  if (counts instanceof Tally) return counts.toEntries()
  return isEntries(counts) ? counts : Object.entries(counts)
}

const isEntries = (counts: TallyEntries | ByProject): counts is TallyEntries => Array.isArray(counts)
