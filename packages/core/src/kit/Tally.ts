import type { ByProject } from "../event/Event.ts"

export class Tally {
  readonly #counts: Map<string, number>
  constructor(counts: ByProject = {}) {
    this.#counts = new Map(Object.entries(counts))
  }
  add(project: string, count: number): void {
    if (count !== 0) this.#counts.set(project, (this.#counts.get(project) ?? 0) + count)
  }
  addAll(other: ByProject, times = 1): this {
    for (const [project, count] of Object.entries(other)) this.add(project, times * count)
    return this
  }
  get value(): ByProject {
    return Object.fromEntries(this.#counts)
  }
}
