import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { withDeathSignal } from "@millrace/test-services"

interface ServerOptions {
  /** The CLI's entry, a TypeScript source. */
  readonly main: string
  readonly data: string
  /** A command that runs the server below itself. */
  readonly under?: ReadonlyArray<string>
}

const UP_WITHIN_MILLIS = 180_000
const OUTPUT_LIMIT = 8_192

/** A server of one process over a data folder. */
export class Server {
  readonly #child: ChildProcess
  readonly #ended: Promise<number | NodeJS.Signals>
  readonly #isBelow: boolean
  #port = 0
  #output = ""

  private constructor({ data, main, under = [] }: ServerOptions) {
    const serve = ["--conditions=source", "--no-warnings", main, "serve", "--port", "0", "--data", data]
    const [command, ...args] = [...under, process.execPath, ...serve]
    this.#isBelow = under.length > 0
    this.#child = spawn(...withDeathSignal(command!, args), {
      env: { PATH: process.env["PATH"] ?? "", MILLRACE_CLOSE_GRACE_MILLIS: "0", UV_THREADPOOL_SIZE: "1" },
      stdio: ["ignore", "pipe", "pipe"]
    })
    this.#ended = new Promise((resolve) => this.#child.once("close", (code, signal) => resolve(code ?? signal!)))
    this.#child.stderr!.on("data", (chunk) => this.#keep(String(chunk)))
  }

  /** Resolves when it listens or has ended; {@link isUp} tells which. */
  static async start(options: ServerOptions): Promise<Server> {
    const server = new Server(options)
    const listens = new Promise<void>((resolve) => {
      createInterface({ input: server.#child.stdout! }).on("line", (line) => {
        server.#keep(`${line}\n`)
        const port = /^millrace listening on http:\/\/[\d.]+:(\d+)/u.exec(line)?.[1]
        if (port === undefined) return
        server.#port = Number(port)
        resolve()
      })
    })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, UP_WITHIN_MILLIS)
    })
    await Promise.race([listens, server.#ended, late])
    clearTimeout(timer)
    return server
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-OUTPUT_LIMIT)
  }

  get isUp(): boolean {
    return this.#port !== 0 && this.hasEnded === undefined
  }

  /** How it ended, where nobody asked it to. */
  get hasEnded(): number | string | undefined {
    return this.#child.exitCode ?? this.#child.signalCode ?? undefined
  }

  get output(): string {
    return this.#output
  }

  ask(path: string, { body, method = "GET", millis = 30_000 }: AskOptions = {}): Promise<Answer> {
    return fetch(`http://127.0.0.1:${this.#port}${path}`, {
      method,
      signal: AbortSignal.timeout(millis),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } })
    }).then(
      async (response) => ({ status: response.status, text: await response.text() }),
      () => ({ status: 0, text: "" })
    )
  }

  /** Of the server itself; undefined once nobody has it any more. */
  get pid(): number | undefined {
    return this.#isBelow ? childOf(this.#child.pid!) : this.#child.pid
  }

  /** Its process, without waiting for the end. */
  signal(signal: "SIGKILL" | "SIGTERM"): void {
    const { pid } = this
    try {
      if (pid !== undefined) process.kill(pid, signal)
      else this.#child.kill("SIGKILL")
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
    }
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    if (this.hasEnded === undefined) this.signal(signal)
    await this.#ended
  }

  /** The command that it ran below, which may outlive it. */
  async endAbove(): Promise<void> {
    this.#child.kill("SIGKILL")
    await this.#ended
  }
}

interface AskOptions {
  readonly method?: "GET" | "POST" | "DELETE"
  readonly body?: unknown
  readonly millis?: number
}

interface Answer {
  /** 0: none at all. */
  readonly status: number
  readonly text: string
}

const childOf = (pid: number): number | undefined => {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")
    return child === undefined || child === "" ? undefined : Number(child)
  } catch {
    return undefined
  }
}
