import type { AskerId } from "../../port/Asker.ts"

/** Counts by project and by who asks, and when each had a turn last. */
export class Shares {
  readonly #running = new Map<string, number>()
  readonly #served = new Map<string, number>()
  #order = 0

  readonly enter = (who: AskerId): void => {
    this.#order++
    for (const name of namesOf(who)) {
      this.#running.set(name, this.runningOf(name) + 1)
      this.#served.set(name, this.#order)
    }
  }

  readonly leave = (who: AskerId): void => {
    for (const name of namesOf(who)) {
      const left = this.runningOf(name) - 1
      if (left > 0) this.#running.set(name, left)
      else this.#running.delete(name)
    }
  }

  /** Forgets when those that neither run nor wait had their turn: they are as good as new. */
  readonly keep = (waiting: Iterable<AskerId>): void => {
    const kept = new Set([...waiting].flatMap(namesOf))
    for (const name of this.#served.keys()) if (!kept.has(name) && !this.#running.has(name)) this.#served.delete(name)
  }

  readonly runningOf = (name: string): number => this.#running.get(name) ?? 0

  /** Whose turn it is: of the project with the fewest, then of the one that waits longest for its next, then the same by who asks. */
  readonly first = <A extends { readonly who: AskerId }>(waiting: ReadonlyArray<A>): A | undefined => {
    let best: A | undefined
    for (const each of waiting) if (best === undefined || this.#precedes(each.who, best.who)) best = each
    return best
  }

  #precedes(one: AskerId, other: AskerId): boolean {
    const [ranks, others] = [this.#ranksOf(one), this.#ranksOf(other)]
    const differing = ranks.findIndex((rank, index) => rank !== others[index])
    return differing !== -1 && ranks[differing]! < others[differing]!
  }

  #ranksOf(who: AskerId): ReadonlyArray<number> {
    return namesOf(who).flatMap((name) => [this.runningOf(name), this.#served.get(name) ?? 0])
  }
}

/** The project, then the one who asks. */
export const namesOf = ({ id, project }: AskerId): ReadonlyArray<string> => [project, `${project}\0${id}`]

/** The last of those who have the most of them, by project and then by who asks. */
export const lastOfMost = <A extends { readonly who: AskerId }>(all: ReadonlyArray<A>): A | undefined => {
  const counts = new Map<string, number>()
  for (const { who } of all) for (const name of namesOf(who)) counts.set(name, (counts.get(name) ?? 0) + 1)
  const [byProject, byAsker] = [0, 1].map((level) => (each: A) => counts.get(namesOf(each.who)[level]!)!) as [
    (each: A) => number,
    (each: A) => number
  ]
  const most = Math.max(...all.map(byProject))
  const largest = all.filter((each) => byProject(each) === most)
  const mostOfOne = Math.max(...largest.map(byAsker))
  return largest.findLast((each) => byAsker(each) === mostOfOne)
}
