import { keepLog } from "@millrace/test-services"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url))

export interface ServerProcess {
  readonly url: string
  readonly process: ChildProcess
  /** Lines on standard output so far. */
  readonly lines: ReadonlyArray<string>
  readonly stderr: () => string
  /** How it ended, once it has. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /** Sends the signal and returns how the process ended. */
  readonly end: (
    signal: NodeJS.Signals
  ) => Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

/**
 * A real server process over `directory`, once it has printed its address. With `fileBlocks` no file of it can grow beyond
 * so many blocks of 512 bytes: a disk that fails.
 */
export const startProcess = async (
  directory: string,
  env: Record<string, string> = {},
  main = MAIN,
  fileBlocks?: number
): Promise<ServerProcess> => {
  const command = [process.execPath, "--conditions=source", main]
  const [program, ...args] =
    fileBlocks === undefined ? command : ["sh", "-c", `ulimit -f ${fileBlocks}; exec "$@"`, "sh", ...command]
  const child = spawn(program!, args, {
    env: {
      PATH: process.env["PATH"] ?? "",
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "",
      MILLRACE_DATA: directory,
      MILLRACE_PORT: "0",
      MILLRACE_CLOSE_GRACE_MILLIS: "0",
      ...env
    },
    stdio: ["ignore", "pipe", "pipe"]
  })
  keepLog(child, env)
  let stderr = ""
  child.stderr.on("data", (chunk) => {
    stderr += String(chunk)
  })
  const lines: Array<string> = []
  const ended = once(child, "exit").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null
  }))
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      lines.push(line)
      const found = /^millrace listening on (\S+)/u.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    })
    void ended.then(({ code }) => reject(new Error(`the server ended with ${code}: ${stderr}`)))
  })
  return {
    url,
    process: child,
    lines,
    stderr: () => stderr,
    ended,
    end: (signal) => {
      child.kill(signal)
      return ended
    }
  }
}
