import type { ActivityPlan, EventKind } from "@millrace/core"
import type { KindSets } from "./KindSets.ts"
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
    const spans = plan.spans.reduce(
      (sum, { kind, spans: wanted }) => sum + wanted.filter((span) => !project.kind(kind).isEmpty(span)).length,
      0
    )
    return spans * bytes + plan.firsts.length * project.users * 4 <= this.#maxBytes
  }

  /** Notes what a plan uses and forgets, least recently used first, what there is no room for. */
  trim(project: ProjectSets, plan: ActivityPlan): void {
    const wanted = new Set([...plan.spans.map(({ kind }) => kind), ...plan.firsts])
    const used = new Set([...wanted].map((kind) => project.kind(kind)))
    this.#uses++
    for (const kind of used) kind.lastUsed = this.#uses
    let bytes = this.#bytes()
    if (bytes <= this.#maxBytes) return
    for (const { kind, owner } of this.#byAge()) {
      if (bytes <= this.#maxBytes || used.has(kind)) break
      bytes -= kind.bytes
      owner.forget(kind)
    }
    if (bytes > this.#maxBytes) for (const kind of wanted) retainWanted(project.kind(kind), kind, plan)
  }

  #bytes(): number {
    let bytes = 0
    for (const project of this.#projects.values()) {
      for (const kind of project.kinds) bytes += kind.bytes
    }
    return bytes
  }

  #byAge(): ReadonlyArray<{ readonly kind: KindSets; readonly owner: ProjectSets }> {
    return [...this.#projects.values()]
      .flatMap((owner) => owner.kinds.map((kind) => ({ kind, owner })))
      .toSorted((left, right) => left.kind.lastUsed - right.kind.lastUsed)
  }
}

const retainWanted = (sets: KindSets, kind: EventKind, plan: ActivityPlan): void => {
  sets.retain(plan.spans.filter((wanted) => wanted.kind === kind).flatMap(({ spans }) => spans))
  if (!plan.firsts.includes(kind)) sets.first = undefined
}
