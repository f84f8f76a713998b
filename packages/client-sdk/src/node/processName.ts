import { readFileSync } from "node:fs"

/** When a process began, in clock ticks: a pid alone comes back, in a container even at once. "0" where it is not told. */
const startOf = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "0"
  } catch {
    return "0"
  }
}

/** `pid-start`, the beginning of our files' names. */
export const processName = `${process.pid}-${startOf(process.pid)}`

export const isAlive = (name: string): boolean => {
  const [pid, start] = name.split("-")
  try {
    process.kill(Number(pid), 0)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ESRCH") return false
  }
  return start === startOf(Number(pid))
}
