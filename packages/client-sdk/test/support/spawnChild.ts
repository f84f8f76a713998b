import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

export interface Child {
  readonly process: ChildProcess
  /** The n-th line it prints, from 0; fails when it ends before. */
  readonly line: (n: number) => Promise<unknown>
  readonly ended: Promise<{
    readonly code: number | null
    readonly signal: NodeJS.Signals | null
    readonly stderr: string
  }>
}

const SCRIPT = fileURLToPath(new URL("nodeChild.ts", import.meta.url))

/** `arguments`: of `nodeChild.ts`; `flags`: of Node. */
export const spawnChild = (args: ReadonlyArray<string>, flags: ReadonlyArray<string> = []): Child => {
  const child = spawn(
    process.execPath,
    ["--conditions=source", "--unhandled-rejections=strict", ...flags, SCRIPT, ...args],
    {
      stdio: ["ignore", "pipe", "pipe"]
    }
  )
  let stderr = ""
  child.stderr.on("data", (chunk) => {
    stderr += String(chunk)
  })
  const lines: Array<unknown> = []
  const waiting = new Map<number, (line: unknown) => void>()
  createInterface(child.stdout).on("line", (text) => {
    const line: unknown = JSON.parse(text)
    waiting.get(lines.push(line) - 1)?.(line)
  })
  const ended = once(child, "close").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    stderr
  }))
  return {
    process: child,
    line: (n) =>
      new Promise((resolve, reject) => {
        if (n < lines.length) return resolve(lines[n])
        waiting.set(n, resolve)
        void ended.then(() => reject(new Error(`it ended before line ${n}: ${stderr}`)))
      }),
    ended
  }
}
