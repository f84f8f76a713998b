import { readdirSync, readFileSync } from "node:fs"

const TICKS_PER_SECOND = 100
const UTIME = 11

interface Stat {
  readonly parent: number
  /** Of its own, user and system. */
  readonly own: number
  /** Of children that have ended. */
  readonly ended: number
}

const statOf = (pid: string): Stat | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const fields = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number)
    const sum = (from: number) => (fields[from]! + fields[from + 1]!) / TICKS_PER_SECOND
    return { parent: fields[1]!, own: sum(UTIME), ended: sum(UTIME + 2) }
  } catch {
    return undefined
  }
}

/** CPU seconds of the process and all its descendants, those that have ended included. */
export const treeCpuSeconds = (root: number): number => {
  const stats = new Map<number, Stat>()
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/u.test(name) ? statOf(name) : undefined
    if (stat !== undefined) stats.set(Number(name), stat)
  }
  const belongs = (pid: number): boolean => pid === root || (stats.has(pid) && belongs(stats.get(pid)!.parent))
  let seconds = 0
  for (const [pid, { ended, own }] of stats) if (belongs(pid)) seconds += own + ended
  return seconds
}
