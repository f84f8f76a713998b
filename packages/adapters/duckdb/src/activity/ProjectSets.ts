import { type EventTypeOrAny, IDENTIFY } from "@millrace/core"
import { type Alias, Aliases } from "./Aliases.ts"
import { EventTypeSets, type Run } from "./EventTypeSets.ts"

/** Addition of one page to a project. */
export interface Addition {
  readonly runs: ReadonlyArray<Run>
  readonly aliases: ReadonlyArray<Alias>
}

/** One project's sets; current from the first read on, since every page is added. */
export class ProjectSets {
  /** Numbers lie below; 0 until the first read. */
  users = 0
  /** Whether the aliases have been read. */
  known = false
  readonly aliases = new Aliases()
  readonly #sets = new Map<EventTypeOrAny, EventTypeSets>()
  /** For each read under way, what pages have added since its snapshot. */
  readonly #missed = new Set<Array<Addition>>()

  setsFor(eventType: EventTypeOrAny): EventTypeSets {
    const found = this.#sets.get(eventType) ?? new EventTypeSets()
    this.#sets.set(eventType, found)
    return found
  }

  get sets(): ReadonlyArray<EventTypeSets> {
    return [...this.#sets.values()]
  }

  forget(sets: EventTypeSets): void {
    for (const [named, known] of this.#sets) if (known === sets) this.#sets.delete(named)
  }

  /** From the snapshot of a read on; the list grows until {@link settle}. */
  follow(): ReadonlyArray<Addition> {
    const missed: Array<Addition> = []
    this.#missed.add(missed)
    return missed
  }

  settle(missed: ReadonlyArray<Addition>): void {
    this.#missed.delete(missed as Array<Addition>)
  }

  add(addition: Addition): void {
    for (const missed of this.#missed) missed.push(addition)
    this.apply(addition)
  }

  /** To apply it again changes nothing. */
  apply({ aliases, runs }: Addition): void {
    if (!this.known) return
    for (const alias of aliases) {
      this.aliases.add(alias)
      this.#seen(alias.user)
      for (const sets of this.#sets.values()) sets.rename(alias)
    }
    for (const run of runs) {
      for (const user of run.users) this.#seen(user)
      this.#sets.get(run.event_type)?.add(run, this.aliases)
      if (run.event_type !== IDENTIFY) this.#sets.get(undefined)?.add(run, this.aliases)
    }
  }

  #seen(user: number): void {
    if (user >= this.users) this.users = user + 1
  }
}
