import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { keepLog, withDeathSignal } from "@millrace/test-services"

interface MemberOptions {
  readonly name: string
  /** The server's entry, a TypeScript source. */
  readonly main: string
  readonly environment: Readonly<Record<string, string>>
}

const RESTART_AFTER_MILLIS = 200
const LISTENS_WITHIN_MILLIS = 120_000
const OUTPUT_LIMIT = 16_384

/** One process of the product, kept running as an init system would: what ends by itself is started again. */
export class Member {
  readonly name: string
  readonly #options: MemberOptions
  #child: ChildProcess | undefined
  #wanted = false
  #starting: Promise<void> | undefined
  #port = 0
  #output = ""
  /** Ends that nobody here asked for. */
  exits = 0

  constructor(options: MemberOptions) {
    this.name = options.name
    this.#options = options
  }

  /** Known once it has listened for the first time; the same after every restart. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** The last of what it printed. */
  get output(): string {
    return this.#output
  }

  /** Resolves when it listens, or was killed meanwhile. */
  start(): Promise<void> {
    this.#wanted = true
    return (this.#starting ??= this.#run().finally(() => {
      this.#starting = undefined
    }))
  }

  async #run(): Promise<void> {
    const until = performance.now() + LISTENS_WITHIN_MILLIS
    while (this.#wanted && this.#child === undefined && !(await this.#spawn())) {
      if (performance.now() > until) throw new Error(`${this.name} does not listen:\n${this.#output}`)
      await sleep(RESTART_AFTER_MILLIS)
    }
  }

  /** Whether it came to listen. */
  #spawn(): Promise<boolean> {
    const args = ["--conditions=source", "--no-warnings", this.#options.main]
    const child = spawn(...withDeathSignal(process.execPath, args), {
      env: { PATH: process.env["PATH"] ?? "", ...this.#options.environment, MILLRACE_PORT: String(this.#port) },
      stdio: ["ignore", "pipe", "pipe"]
    })
    this.#child = child
    keepLog(child, this.#options.environment)
    const keep = (text: string) => {
      this.#output = (this.#output + text).slice(-OUTPUT_LIMIT)
    }
    child.stderr.on("data", (chunk) => keep(String(chunk)))
    return new Promise((resolve) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        const port = /^millrace listening on http:\/\/[\d.]+:(\d+)/u.exec(line)?.[1]
        if (port === undefined) return
        this.#port = Number(port)
        resolve(true)
      })
      child.once("exit", (code, signal) => {
        keep(`ended: ${code ?? signal}\n`)
        resolve(false)
        this.#ended(child, signal)
      })
    })
  }

  #ended(child: ChildProcess, signal: NodeJS.Signals | null) {
    if (this.#child !== child) return
    this.#child = undefined
    if (signal !== "SIGKILL") this.exits++
  }

  /** Starts it again when it ended by itself. */
  async keepUp(): Promise<void> {
    if (this.#wanted && this.#child === undefined) await this.start()
  }

  /** SIGKILL; it stays down until `start`. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL")
  }

  /** SIGTERM; returns the exit code. */
  async stop(): Promise<number | null> {
    return await this.#end("SIGTERM")
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    this.#wanted = false
    const child = this.#child
    if (child === undefined) return null
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve))
    child.kill(signal)
    return await ended
  }

  pause(): void {
    this.#child?.kill("SIGSTOP")
  }

  resume(): void {
    this.#child?.kill("SIGCONT")
  }
}
