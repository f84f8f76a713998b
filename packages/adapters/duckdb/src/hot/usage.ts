/** How often questions have asked for properties since this process began. */
export interface Usage {
  readonly count: (name: string) => void
  readonly of: (name: string) => number
  /** The most asked that is not among these; undefined where none was asked often enough. */
  readonly wanted: (hot: ReadonlySet<string>) => string | undefined
}

/** Names are the callers': beyond so many, counting begins anew. */
const NAMES_MAX = 1_000

export const makeUsage = (least: number): Usage => {
  const counts = new Map<string, number>()
  const of = (name: string) => counts.get(name) ?? 0
  return {
    of,
    count: (name) => {
      if (counts.size >= NAMES_MAX && !counts.has(name)) counts.clear()
      counts.set(name, of(name) + 1)
    },
    wanted: (hot) => {
      const candidates = [...counts].filter(([name, count]) => count >= least && !hot.has(name))
      return candidates.reduce<readonly [string, number] | undefined>(
        (best, candidate) => (best === undefined || candidate[1] > best[1] ? candidate : best),
        undefined
      )?.[0]
    }
  }
}
