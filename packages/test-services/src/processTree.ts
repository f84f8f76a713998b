import { readdirSync, readFileSync } from "node:fs"

/** Parent of each process, by Linux's /proc; empty elsewhere. */
const parents = (): ReadonlyMap<number, number> => {
  const found = new Map<number, number>()
  for (const name of listProcesses()) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8")
      found.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]))
    } catch {
      // it ended while we looked
    }
  }
  return found
}

const listProcesses = (): ReadonlyArray<string> => {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/u.test(name))
  } catch {
    return []
  }
}

/** The process and its descendants; PostgreSQL's are not of its process group. */
export const processTree = (root: number): ReadonlyArray<number> => {
  const known = [...parents()]
  const tree = [root]
  for (let at = 0; at < tree.length; at++) {
    for (const [pid, parent] of known) if (parent === tree[at]) tree.push(pid)
  }
  return tree
}

export const signalAll = (pids: ReadonlyArray<number>, signal: NodeJS.Signals) => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // it has ended
    }
  }
}
