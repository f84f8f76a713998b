import { type EventKind, IDENTIFY } from "@millrace/core"
import { type Alias, Aliases } from "./Aliases.ts"
import { KindSets, type Run } from "./KindSets.ts"

/** What one page adds to a project. */
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
  readonly #kinds = new Map<EventKind, KindSets>()
  /** For each read under way, what pages have added since its snapshot. */
  readonly #missed = new Set<Array<Addition>>()

  kind(kind: EventKind): KindSets {
    const found = this.#kinds.get(kind) ?? new KindSets()
    this.#kinds.set(kind, found)
    return found
  }

  get kinds(): ReadonlyArray<KindSets> {
    return [...this.#kinds.values()]
  }

  forget(kind: KindSets): void {
    for (const [named, known] of this.#kinds) if (known === kind) this.#kinds.delete(named)
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
      for (const kind of this.#kinds.values()) kind.rename(alias)
    }
    for (const run of runs) {
      for (const user of run.users) this.#seen(user)
      this.#kinds.get(run.event_type)?.add(run, this.aliases)
      if (run.event_type !== IDENTIFY) this.#kinds.get(undefined)?.add(run, this.aliases)
    }
  }

  #seen(user: number): void {
    if (user >= this.users) this.users = user + 1
  }
}
