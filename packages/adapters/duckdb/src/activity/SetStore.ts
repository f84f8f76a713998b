import type { ActivityPlan, EventTypeOrAny } from "@millrace/core"
import type { EventTypeSets } from "./EventTypeSets.ts"
import { type Addition, ProjectSets } from "./ProjectSets.ts"

/** Additions by project. */
export type PageAdditions = ReadonlyMap<string, Addition>

/** The sets in memory, of all projects, within a bound; whatever is forgotten is read again when it is asked for. */
export class SetStore {
  readonly #projects = new Map<string, ProjectSets>()
  readonly #maxBytes: number
  readonly #onChange: () => void
  #uses = 0

  /** `onChange`: answers from before are out of date. */
  constructor(maxBytes: number, onChange: () => void) {
    this.#maxBytes = maxBytes
    this.#onChange = onChange
  }

  get isEmpty(): boolean {
    return this.#projects.size === 0
  }

  project(project_id: string): ProjectSets {
    const found = this.#projects.get(project_id) ?? new ProjectSets()
    this.#projects.set(project_id, found)
    return found
  }

  /** Whether this very object is still current. */
  holds(project_id: string, project = this.#projects.get(project_id)): boolean {
    return project !== undefined && this.#projects.get(project_id) === project
  }

  add(additions: PageAdditions): void {
    this.#onChange()
    for (const [project_id, addition] of additions) this.#projects.get(project_id)?.add(addition)
  }

  /** One project, or all: for whatever is not just an addition. Reads under way come to nothing. */
  forget(project_id?: string): void {
    this.#onChange()
    if (project_id === undefined) this.#projects.clear()
    else this.#projects.delete(project_id)
  }

  /** Whether a plan's sets fit, all at once. */
  fits(project: ProjectSets, plan: ActivityPlan): boolean {
    const bytes = project.users / 8
    const periods = plan.periods.reduce(
      (sum, { eventType, periods: wanted }) =>
        sum + wanted.filter((period) => !project.setsFor(eventType).isEmpty(period)).length,
      0
    )
    return periods * bytes + plan.firsts.length * project.users * 4 <= this.#maxBytes
  }

  /** Notes what a plan uses and forgets, least recently used first, what there is no room for. */
  trim(project: ProjectSets, plan: ActivityPlan): void {
    const wanted = new Set([...plan.periods.map(({ eventType }) => eventType), ...plan.firsts])
    const used = new Set([...wanted].map((eventType) => project.setsFor(eventType)))
    this.#uses++
    for (const sets of used) sets.lastUsed = this.#uses
    let bytes = this.#bytes()
    if (bytes <= this.#maxBytes) return
    for (const { owner, sets } of this.#byAge()) {
      if (bytes <= this.#maxBytes || used.has(sets)) break
      bytes -= sets.bytes
      owner.forget(sets)
    }
    if (bytes > this.#maxBytes)
      for (const eventType of wanted) retainWanted(project.setsFor(eventType), eventType, plan)
  }

  #bytes(): number {
    let bytes = 0
    for (const project of this.#projects.values()) {
      for (const sets of project.sets) bytes += sets.bytes
    }
    return bytes
  }

  #byAge(): ReadonlyArray<{ readonly owner: ProjectSets; readonly sets: EventTypeSets }> {
    return [...this.#projects.values()]
      .flatMap((owner) => owner.sets.map((sets) => ({ owner, sets })))
      .toSorted((left, right) => left.sets.lastUsed - right.sets.lastUsed)
  }
}

const retainWanted = (sets: EventTypeSets, eventType: EventTypeOrAny, plan: ActivityPlan): void => {
  sets.retain(plan.periods.filter((wanted) => wanted.eventType === eventType).flatMap(({ periods }) => periods))
  if (!plan.firsts.includes(eventType)) sets.first = undefined
}
