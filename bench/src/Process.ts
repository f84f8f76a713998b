import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"

/** A process under measurement, started by the bench and stopped by it. */
export interface Measured {
  readonly child: ChildProcess
  /** CPU seconds, user and system, all threads. */
  readonly cpuSeconds: () => number
  /** The most memory it ever held resident. */
  readonly peakMebibytes: () => number
  readonly stop: () => Promise<void>
}

const TICKS_PER_SECOND = 100

const readProc = (pid: number, file: string) => readFileSync(`/proc/${pid}/${file}`, "utf8")

/** Linux only: the figures come from `/proc`. */
export const measure = (child: ChildProcess): Measured => {
  const pid = child.pid!
  return {
    child,
    cpuSeconds: () => {
      const fields = readProc(pid, "stat").split(") ")[1]!.split(" ")
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
    },
    peakMebibytes: () => Number(/VmHWM:\s+(\d+)/u.exec(readProc(pid, "status"))![1]) / 1024,
    stop: () =>
      new Promise((resolve) => {
        child.once("exit", () => resolve())
        child.kill("SIGTERM")
      })
  }
}

/** Starts a server and waits for the line that names its address. */
export const startServer = async (
  args: ReadonlyArray<string>,
  env: NodeJS.ProcessEnv = {}
): Promise<Measured & { readonly port: number }> => {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } })
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /http:\/\/127\.0\.0\.1:(\d+)/u.exec(line)?.[1]
    if (port !== undefined) {
      child.stdout.resume()
      return { ...measure(child), port: Number(port) }
    }
  }
  throw new Error(`the server ended before it listened: ${args.join(" ")}`)
}
