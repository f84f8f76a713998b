import { type ChildProcess, spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { withDeathSignal } from "./deathSignal.ts"
import { processTree, signalAll } from "./processTree.ts"
import type { RunAs } from "./runAs.ts"
import { makeFolder, removeAllFolders, removeFolder } from "./temporaryFolder.ts"

export interface ServerCommand {
  readonly name: string
  readonly command: string
  readonly args: (folder: string) => ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
  readonly runAs?: RunAs | undefined
  readonly stopSignal: NodeJS.Signals
  /** Runs once, before the first start. */
  readonly prepare?: (folder: string) => Promise<void>
  /** Rejects while the server does not answer yet. */
  readonly ping: () => Promise<void>
}

const READY_WITHIN_MILLIS = 30_000
const STOP_WITHIN_MILLIS = 10_000
const OUTPUT_LIMIT = 16_384

const running = new Set<ChildProcess>()
let reaping = false

/** Whatever way this process ends, its servers end: by these handlers, or by the kernel (`pdeathsig`). */
const reapAtExit = () => {
  if (reaping) return
  reaping = true
  const reap = () => {
    for (const child of running) if (child.pid !== undefined) signalAll(processTree(child.pid), "SIGKILL")
    removeAllFolders()
  }
  process.on("exit", reap)
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      reap()
      process.kill(process.pid, signal)
    })
  }
}

/** One server with its own folder; it survives its process, so that a test may kill and restart it. */
export class ServerProcess {
  readonly folder: string
  readonly #command: ServerCommand
  #child: ChildProcess | undefined
  #output = ""

  private constructor(command: ServerCommand) {
    this.#command = command
    this.folder = makeFolder(command.name, command.runAs)
  }

  /** Starts it and waits until it answers. */
  static async launch(command: ServerCommand): Promise<ServerProcess> {
    reapAtExit()
    const server = new ServerProcess(command)
    try {
      await command.prepare?.(server.folder)
      await server.start()
      return server
    } catch (cause) {
      await server.close()
      throw cause
    }
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  async start(): Promise<void> {
    const until = performance.now() + READY_WITHIN_MILLIS
    while (true) {
      if (this.#child === undefined) this.#spawn()
      const failure = await this.#command.ping().then(
        () => undefined,
        (cause: unknown) => cause
      )
      if (failure === undefined && this.#child !== undefined) return
      if (performance.now() > until) {
        throw new Error(`${this.#command.name} did not start: ${String(failure)}\n${this.#output}`)
      }
      // Also when it ended at once: after a kill, the port or PostgreSQL's shared memory may be held for a moment.
      await sleep(50)
    }
  }

  #spawn() {
    const [command, args] = withDeathSignal(this.#command.command, this.#command.args(this.folder))
    const child = spawn(command, args, {
      cwd: this.folder,
      env: { ...process.env, ...this.#command.environment },
      stdio: ["ignore", "pipe", "pipe"],
      ...this.#command.runAs
    })
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_LIMIT)
    }
    child.stdout.on("data", keep)
    child.stderr.on("data", keep)
    const ended = () => {
      running.delete(child)
      if (this.#child === child) this.#child = undefined
    }
    child.once("exit", ended)
    child.once("error", (cause) => {
      keep(Buffer.from(String(cause)))
      ended()
    })
    running.add(child)
    this.#child = child
  }

  /** The last of what the server printed. */
  get output(): string {
    return this.#output
  }

  async stop(): Promise<void> {
    await this.#end(this.#command.stopSignal)
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL")
  }

  async #end(signal: NodeJS.Signals) {
    const child = this.#child
    if (child?.pid === undefined) return
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
    const tree = processTree(child.pid)
    if (signal === "SIGKILL") signalAll(tree, signal)
    else {
      signalAll(tree, "SIGCONT")
      child.kill(signal)
    }
    const patience = setTimeout(() => signalAll(tree, "SIGKILL"), STOP_WITHIN_MILLIS)
    await exited
    clearTimeout(patience)
  }

  /** Returns once the processes stand still: the signal alone lets a busy one finish what it is at. */
  pause() {
    if (this.#child?.pid === undefined) return
    const tree = processTree(this.#child.pid)
    signalAll(tree, "SIGSTOP")
    const until = performance.now() + STOP_WITHIN_MILLIS
    while (!tree.every(standsStill) && performance.now() < until);
  }

  resume() {
    if (this.#child?.pid !== undefined) signalAll(processTree(this.#child.pid), "SIGCONT")
  }

  async close(): Promise<void> {
    await this.kill()
    removeFolder(this.folder)
  }
}

/** Each thread stops by itself; where there is no `/proc`, the signal has to do. */
const standsStill = (pid: number): boolean => {
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) =>
      /\) [TtZX] /u.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8"))
    )
  } catch {
    return true
  }
}
