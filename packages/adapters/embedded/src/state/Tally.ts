import type { ByProject } from "@millrace/core"

/** Numbers for projects, so that a record costs four bytes for its project. Numbers start at 1. */
export class Projects {
  readonly #numbers = new Map<string, number>()
  readonly #names: Array<string> = [""]

  number(project_id: string): number {
    const known = this.#numbers.get(project_id)
    if (known !== undefined) return known
    const number = this.#names.push(project_id) - 1
    this.#numbers.set(project_id, number)
    return number
  }

  name(number: number): string {
    return this.#names[number]!
  }
}

/** As files hold it; not as an object, where a project named `__proto__` would be lost. */
export type TallyEntries = ReadonlyArray<readonly [project_id: string, count: number]>

/** A count for each project. */
export class Tally {
  readonly #counts = new Map<string, number>()
  #total = 0

  constructor(entries: TallyEntries = []) {
    for (const [project_id, count] of entries) this.add(project_id, count)
  }

  get total(): number {
    return this.#total
  }

  of(project_id: string): number {
    return this.#counts.get(project_id) ?? 0
  }

  add(project_id: string, count: number): void {
    this.#counts.set(project_id, (this.#counts.get(project_id) ?? 0) + count)
    this.#total += count
  }

  addAll(other: Tally): void {
    for (const [project_id, count] of other.#counts) this.add(project_id, count)
  }

  /** What this one has more, by project. */
  minus(other: Tally): Tally {
    return new Tally([...this.#counts].map(([project_id, count]) => [project_id, count - other.of(project_id)]))
  }

  /** Counts that are greater than 0. */
  positive(): Tally {
    return new Tally([...this.#counts].filter(([, count]) => count > 0))
  }

  toEntries(): TallyEntries {
    return [...this.#counts]
  }

  /** Projects whose count is 0 are left out. `fromEntries` defines, so a project may be named `__proto__`. */
  toRecord(): ByProject {
    return Object.fromEntries([...this.#counts].filter(([, count]) => count !== 0))
  }
}
