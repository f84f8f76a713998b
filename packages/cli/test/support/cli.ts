import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const ENTRY = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), "src", "main.ts")

export interface Ran {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

const environment = { NO_COLOR: "1" }

export const start = (args: ReadonlyArray<string>, options: { readonly cwd?: string } = {}): ChildProcess => {
  const { FORCE_COLOR: _colour, MILLRACE_URL: _url, ...env } = process.env
  return spawn(process.execPath, ["--conditions=source", "--no-warnings", ENTRY, ...args], {
    ...options,
    env: { ...env, ...environment },
    stdio: ["pipe", "pipe", "pipe"]
  })
}

export const ended = async (child: ChildProcess): Promise<Ran> => {
  let stdout = ""
  let stderr = ""
  child.stdout?.on("data", (text: Buffer) => (stdout += text.toString()))
  child.stderr?.on("data", (text: Buffer) => (stderr += text.toString()))
  return await new Promise((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/** One command as a real process. */
export const millrace = async (
  args: ReadonlyArray<string>,
  input = "",
  options: { readonly cwd?: string } = {}
): Promise<Ran> => {
  const child = start(args, options)
  child.stdin?.on("error", () => {})
  child.stdin?.end(input)
  return await ended(child)
}

/** Fails with what the command said unless it succeeded. */
export const ok = async (args: ReadonlyArray<string>, input?: string): Promise<string> => {
  const { code, stderr, stdout } = await millrace(args, input)
  if (code !== 0) throw new Error(`millrace ${args.join(" ")} ended with ${code}: ${stderr}${stdout}`)
  return stdout
}

export const temporaryFolder = (): { readonly path: string; readonly remove: () => void } => {
  const path = mkdtempSync(join(tmpdir(), "millrace-cli-"))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

export interface Serving {
  readonly url: string
  readonly end: (signal: NodeJS.Signals) => Promise<Ran>
}

/** `millrace serve` over a folder, once it listens; fails with what it said. */
export const serve = async (folder: string): Promise<Serving> => {
  const server = start(["serve", "--port", "0", "--data", folder])
  const exit = ended(server)
  const url = await new Promise<string>((resolve, reject) => {
    server.stdout!.once("data", (text: Buffer) => resolve(/http:\/\/\S+/u.exec(text.toString())![0]))
    void exit.then(({ stderr }) => reject(new Error(stderr)))
  })
  return {
    url,
    end: (signal) => {
      server.kill(signal)
      return exit
    }
  }
}
