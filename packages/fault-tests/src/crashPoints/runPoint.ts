import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { makeFolder, type Random, randomOf, removeFolder } from "@millrace/test-services"
import type { CrashPoint } from "./points.ts"
import { Server } from "./Server.ts"

interface PointOutcome {
  readonly findings: ReadonlyArray<string>
  /** How often the fault struck. */
  readonly struck: number
  readonly acknowledged: number
  readonly output: string
}

interface Place {
  readonly main: string
  readonly strace: string
}

const STAYS = "stays"
const LEAVES = "leaves"
const EVENTS = 20
const SETTLE_TRIES = 200
const SETTLE_POLL_MILLIS = 100

/** Sends, and keeps what was acknowledged. */
class Client {
  readonly acknowledged = new Set<string>()
  readonly sent = new Set<string>()
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  async send(server: Server, { events = EVENTS, padding = 0, user_id = STAYS } = {}): Promise<number> {
    const batch = Array.from({ length: events }, () => ({
      event_id: this.#random.uuid(),
      occurred_at: new Date().toISOString(),
      user_id,
      event_type: "visit",
      properties: { padding: "x".repeat(padding) }
    }))
    const { status } = await server.ask("/events", { method: "POST", body: batch })
    if (user_id !== STAYS) return status
    for (const { event_id } of batch) {
      this.sent.add(event_id)
      if (status === 202) this.acknowledged.add(event_id)
    }
    return status
  }

  /** Until it is refused by a process that has ended, or all is sent. */
  async sendAll(server: Server, batches: number, options: { events?: number; padding?: number } = {}): Promise<void> {
    for (let sent = 0; sent < batches && server.hasEnded === undefined; sent++) await this.send(server, options)
  }
}

/** `undefined` while it cannot be had. */
const ledgerOf = async (server: Server) => {
  const { status, text } = await server.ask("/ledger")
  return status === 200 ? (JSON.parse(text) as Record<string, number>) : undefined
}

const settled = async (server: Server) => {
  let ledger: Record<string, number> | undefined
  for (let tries = 0; tries < SETTLE_TRIES && server.hasEnded === undefined; tries++) {
    ledger = await ledgerOf(server)
    if (ledger?.["in_flight"] === 0) return ledger
    await sleep(SETTLE_POLL_MILLIS)
  }
  return ledger
}

const exported = async (server: Server, user_id: string): Promise<ReadonlyArray<string>> => {
  const { text } = await server.ask(`/users/${user_id}/events`)
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { readonly kind?: string; readonly event_id?: string })
    .flatMap(({ event_id, kind }) => (kind === "event" && event_id !== undefined ? [event_id] : []))
}

const PADDED = { events: 4_500, padding: 930 }

/** Does what the point asks for, and returns whether the erasure was acknowledged. */
const work = async (server: Server, point: CrashPoint, client: Client): Promise<boolean> => {
  if (!server.isUp) return false
  if (point.work === "roll") await client.sendAll(server, 17, PADDED)
  else await client.sendAll(server, point.work === "close" ? 10 : 24)
  // Beyond the second at which acknowledgements are noted.
  await sleep(1_300)
  if (server.hasEnded === undefined) await client.send(server)
  if (point.work === "close") {
    await settled(server)
    await server.end("SIGTERM")
  }
  if (point.work !== "erase" || server.hasEnded !== undefined) return false
  for (let sent = 0; sent < 3; sent++) await client.send(server, { user_id: LEAVES })
  await settled(server)
  const { status } = await server.ask(`/users/${LEAVES}`, { method: "DELETE", millis: 60_000 })
  if (server.hasEnded === undefined) await client.send(server)
  return status === 200
}

/** What a clean start has to say. */
const judge = async (place: Place, data: string, client: Client, erased: boolean): Promise<ReadonlyArray<string>> => {
  const server = await Server.start({ main: place.main, data })
  try {
    if (!server.isUp) return [`it does not start: ${server.output}`]
    const ledger = await settled(server)
    const ids = await exported(server, STAYS)
    const there = new Set(ids)
    const lost = [...client.acknowledged].filter((id) => !there.has(id)).length
    const strangers = ids.filter((id) => !client.sent.has(id)).length
    const left = erased ? (await exported(server, LEAVES)).length : 0
    return [
      ...(ledger?.["difference"] === 0 && (ledger["lost"] ?? 0) === 0 ? [] : [`ledger: ${JSON.stringify(ledger)}`]),
      ...(ledger?.["in_flight"] === 0 ? [] : ["it does not come to rest"]),
      ...(lost === 0 ? [] : [`${lost} of ${client.acknowledged.size} acknowledged events are lost`]),
      ...(there.size === ids.length ? [] : [`${ids.length - there.size} events are doubled`]),
      ...(strangers === 0 ? [] : [`${strangers} events were never sent`]),
      ...(left === 0 ? [] : [`${left} events of the erased user are there`])
    ]
  } finally {
    await server.end("SIGTERM")
  }
}

/** As a power cut leaves it: the beginning of a group behind the last one. */
const tearTail = (data: string, random: Random): void => {
  const path = join(data, "log/log/00000000000000000001.log")
  const bytes = readFileSync(path)
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1
  const file = openSync(path, "r+")
  const torn = Buffer.from([0x80, 1, 0, 4, ...Array.from({ length: 200 }, () => random.between(0, 255))])
  writeSync(file, torn, 0, torn.length, end)
  closeSync(file)
}

const prepare = async (place: Place, data: string, client: Client, random: Random): Promise<void> => {
  const server = await Server.start({ main: place.main, data })
  await client.sendAll(server, 10)
  if (random.chance(0.5)) await settled(server)
  await server.end("SIGKILL")
  tearTail(data, random)
}

const tracing = ({ strace }: Place, { call, fault, path, when }: CrashPoint, data: string, trace: string) => {
  const onPath = path === undefined ? [] : ["-P", join(data, path)]
  const injected = ["-e", `trace=${call}`, "-e", `inject=${call}:${fault}:when=${when}`]
  return [strace, "-f", "-qq", "-y", "-o", trace, ...onPath, ...injected]
}

const strikesIn = (trace: string): number =>
  existsSync(trace) ? (readFileSync(trace, "utf8").match(/\(INJECTED\)|killed by SIGKILL/gu)?.length ?? 0) : 0

/** One fault in a real process, then kill -9, and two clean starts that have to say the same. */
export const runPoint = async (point: CrashPoint, place: Place): Promise<PointOutcome> => {
  const folder = makeFolder("crash-point", undefined)
  const [data, trace] = [join(folder, "data"), join(folder, "trace")]
  const random = randomOf(point.when.length + point.call.length)
  const client = new Client(random)
  try {
    if (point.work === "restart") await prepare(place, data, client, random)
    const under = tracing(place, point, data, trace)
    const server = await Server.start({ main: place.main, data, under })
    const erased = await work(server, point, client)
    await server.end("SIGKILL")
    const first = await judge(place, data, client, erased)
    const second = first.length > 0 ? [] : await judge(place, data, client, erased)
    return {
      findings: [...first, ...second],
      struck: strikesIn(trace),
      acknowledged: client.acknowledged.size,
      output: server.output
    }
  } finally {
    removeFolder(folder)
  }
}
