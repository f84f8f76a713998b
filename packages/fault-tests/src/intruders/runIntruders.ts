import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { makeFolder, removeFolder, withDeathSignal } from "@millrace/test-services"
import { Server } from "../crashPoints/Server.ts"
import { Load } from "./Load.ts"
import { inNamespace } from "./namespace.ts"

interface IntruderOptions {
  /** The CLI's entry, a TypeScript source. */
  readonly main: string
  readonly unshare: string
  /** Of each kind of intruder. */
  readonly rounds: number
}

interface IntruderOutcome {
  readonly findings: ReadonlyArray<string>
  readonly refused: number
  readonly acknowledged: number
  readonly counted: number
}

/** Its parent becomes a program that never asks how it ended. */
const UNREAPED = ["sh", "-c", '"$@" & exec sleep 3600', "sh"]

/**
 * One server under load in a PID namespace, and others that want its folder, each in a namespace of its own; then kill -9 and
 * a restart at once, and the same again with the dead one a zombie. What was acknowledged has to be counted, once.
 */
export const runIntruders = async (options: IntruderOptions): Promise<IntruderOutcome> => {
  const folder = makeFolder("intruders", undefined)
  const data = join(folder, "data")
  const startUnder = (under: ReadonlyArray<string>) => Server.start({ main: options.main, data, under })
  const findings: Array<string> = []
  const servers: Array<Server> = []
  const next = async (under: ReadonlyArray<string>, name: string) => {
    const server = await startUnder(under)
    servers.push(server)
    if (!server.isUp) throw new Error(`${name} does not start: ${server.output}`)
    return server
  }
  const namespace = inNamespace(options.unshare)
  const first = await next(namespace, "the first")
  const load = new Load(first)
  try {
    let refused = 0
    for (let round = 0; round < options.rounds; round++) {
      const said = await intrude(options, data)
      refused += said.filter(isRefusal).length
      findings.push(...said.filter((text) => !isRefusal(text)).map((text) => `an intruder was not refused: ${text}`))
      await load.progress(1)
      const { status, text } = await first.ask("/readyz")
      if (status !== 200) findings.push(`the first is not ready: ${text}`)
    }
    first.signal("SIGKILL")
    load.server = await next(UNREAPED, "a restart right after kill -9")
    await load.progress(100)
    const { pid } = load.server
    load.server.signal("SIGKILL")
    load.server = await next([], "a restart beside a zombie")
    if (stateOf(pid) !== "Z") findings.push(`process ${pid} is no zombie: ${stateOf(pid)}`)
    await load.progress(100)
    await load.stop()
    const counted = await count(load)
    return {
      findings: [...findings, ...counted.findings],
      refused,
      acknowledged: load.acknowledged.size,
      counted: counted.events
    }
  } finally {
    await load.stop()
    for (const server of servers) await server.endAbove()
    removeFolder(folder)
  }
}

/** What each kind of command says that wants the folder of a server in another namespace, all at once. */
const intrude = async ({ main, unshare }: IntruderOptions, data: string): Promise<ReadonlyArray<string>> => {
  const under = inNamespace(unshare)
  const serve = async () => {
    const second = await Server.start({ main, data, under })
    if (second.isUp) await second.end("SIGKILL")
    return second.output
  }
  const command = (...args: ReadonlyArray<string>) => outputOf([...under, process.execPath, ...NODE, main, ...args])
  return Promise.all([serve(), command("stats", "dau", "--data", data), command("ledger", "--data", data)])
}

const NODE = ["--conditions=source", "--no-warnings"]

const isRefusal = (text: string): boolean => /owned by process 1 on host/u.test(text)

const outputOf = ([program, ...args]: ReadonlyArray<string>): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(...withDeathSignal(program!, args), { stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)))
    child.once("error", reject)
    child.once("close", () => resolve(output))
  })

/** `Z` of a zombie; `undefined` where there is no such process. */
const stateOf = (pid: number | undefined): string | undefined => {
  try {
    return /^State:\s+(\S)/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
  } catch {
    return undefined
  }
}

const EXPORT_MILLIS = 600_000

/** Holds the export of all users, and the ledger, against what was acknowledged. */
const count = async ({ acknowledged, sent, server, users }: Load) => {
  let ledger: Record<string, number> = { in_flight: 1 }
  while (ledger["in_flight"] !== 0) {
    await sleep(50)
    const { status, text } = await server.ask("/ledger")
    if (server.hasEnded !== undefined) throw new Error(`the server has ended: ${server.output}`)
    if (status === 200) ledger = JSON.parse(text)
  }
  const ids: Array<string> = []
  for (const user of users) {
    const { text } = await server.ask(`/users/${user}/events`, { millis: EXPORT_MILLIS })
    for (const [, id] of text.matchAll(/"event_id":"([^"]+)"/gu)) ids.push(id!)
  }
  const there = new Set(ids)
  const lost = [...acknowledged].filter((id) => !there.has(id)).length
  const strangers = ids.filter((id) => !sent.has(id)).length
  const balanced = ledger["difference"] === 0 && ledger["lost"] === 0 && ledger["stored"] === ids.length
  const findings = [
    ...(balanced ? [] : [`ledger: ${JSON.stringify(ledger)}, ${ids.length} events`]),
    ...(lost === 0 ? [] : [`${lost} of ${acknowledged.size} acknowledged events are lost`]),
    ...(there.size === ids.length ? [] : [`${ids.length - there.size} events are doubled`]),
    ...(strangers === 0 ? [] : [`${strangers} events were never sent`])
  ]
  return { findings, events: ids.length }
}
