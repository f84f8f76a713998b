import { randomUUID } from "node:crypto"
import { existsSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { filesHolding } from "@millrace/testing"
import { mulberry32 } from "@millrace/test-services"
import { afterAll, expect, it } from "vitest"
import { type ServerProcess, startProcess } from "./support/child.ts"
import { event } from "./support/events.ts"
import { client, expectCounted, type Journal, SEED, send, settledLedger } from "./support/kills.ts"
import { reply, replyInTheEnd, temporaryDirectory } from "./support/server.ts"

const KILLS = Number(process.env["MILLRACE_KILLS"] ?? 6)
const OTHERS = 10_000
const EVENTS_OF_EACH = 300

const directory = temporaryDirectory()
let running: ServerProcess
afterAll(async () => {
  // Also when the law has failed: nothing is left running.
  await running.end("SIGKILL")
  rmSync(directory, { recursive: true, force: true })
})

/** To be erased one after the other; the last one in peace, to see how long it takes. */
const users = Array.from({ length: KILLS + 1 }, (_, at) => `gone-${at}-${randomUUID()}`)
const noteOf = (user: string) => `note of ${user}`
const eventsOf = (user: string) =>
  Array.from({ length: EVENTS_OF_EACH }, () =>
    event({ user_id: user, event_type: "theirs", properties: { note: noteOf(user) } })
  )

/**
 * DuckDB compresses a column of text, or not, by what a random sample says (LEARNED): then a search of the file's bytes
 * would find nothing of anybody. Beside one text as long as this the column stays as it is.
 */
const BALLAST = event({ event_type: "ballast", properties: { long: "x".repeat(4_096) } })

const post = async (url: string, events: ReadonlyArray<unknown>) => {
  const answer = await fetch(`${url}/events`, {
    method: "POST",
    body: JSON.stringify(events),
    headers: { "content-type": "application/json" }
  })
  expect(answer.status).toBe(202)
}

const fill = async (url: string, journal: Journal) => {
  for (let sent = 0; sent < OTHERS; sent += 2_000) {
    const ids = Array.from({ length: 2_000 }, () => randomUUID())
    expect((await send(url, ids)).status).toBe(202)
    for (const id of ids) for (const set of [journal.sent, journal.acknowledged]) set.add(id)
  }
  for (const user of users) await post(url, eventsOf(user))
  await post(url, [BALLAST])
}

const erase = async (url: string, user: string) =>
  replyInTheEnd(await fetch(`${url}/users/${user}`, { method: "DELETE" }))

/** Sends it until it is complete, as its answer says. */
const eraseAll = async (url: string, user: string) => {
  let answer = await erase(url, user)
  while (answer.status === 503) answer = await erase(url, user)
  expect(answer).toMatchObject({ status: 200, body: { complete: true } })
}

const heldOf = async (url: string, user: string): Promise<number> => {
  const text = await (await fetch(`${url}/users/${user}/events`)).text()
  return JSON.parse(text.trimEnd().split("\n").at(-1)!).events
}

const tracesOf = (user: string) => filesHolding(directory, [user, noteOf(user)])
const inWarehouse = (trace: string) => trace.startsWith("warehouse.duckdb")

const pages = join(directory, "warehouse.duckdb.tmp", "pages")
const isRewriting = () => existsSync(pages) && readdirSync(pages).includes("rewritten.duckdb")

const sleep = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** Others' events each have a user of their own: as many of one as of the other means that none counts twice. */
const expectOthers = async (server: ServerProcess, journal: Journal, remaining: number) => {
  expect((await settledLedger(server)).difference).toBe(0)
  const { body } = await reply(await fetch(`${server.url}/stats/top-events?from=2026-01-31&to=2026-01-31`))
  const rows: ReadonlyArray<{ event_type: string; events: number; users: number }> = body.rows
  const visits = rows.find(({ event_type }) => event_type === "visit")!
  expect(visits.events).toBe(visits.users)
  expect(visits.events).toBeGreaterThanOrEqual(journal.acknowledged.size)
  expect(visits.events).toBeLessThanOrEqual(journal.sent.size)
  const theirs = rows.find(({ event_type }) => event_type === "theirs")
  expect([theirs?.events ?? 0, theirs?.users ?? 0]).toEqual([remaining * EVENTS_OF_EACH, remaining])
}

/**
 * Kills the server while it erases and others send: some time after the request; or, since that seldom meets it, some time
 * after the warehouse's file has begun to be written anew.
 */
const killDuring = async (server: ServerProcess, user: string, journal: Journal, random: () => number, aim: Aim) => {
  let stopped = false
  const sender = client(server.url, journal, random, () => stopped)
  const answer = erase(server.url, user).catch(() => undefined)
  if (aim.atRewriting) while (!isRewriting() && (await Promise.race([answer, sleep(1)])) === undefined);
  await sleep(random() * aim.withinMillis)
  expect((await server.end("SIGKILL")).signal).toBe("SIGKILL")
  stopped = true
  await sender
  return (await answer)?.status === 200
}

interface Aim {
  readonly atRewriting: boolean
  readonly withinMillis: number
}

const REWRITING_MILLIS = 120

it(
  `kill -9, ${KILLS} times during an erasure: it can be ended, then no byte of the user is anywhere, and all else is there exactly once`,
  { timeout: 180_000 + KILLS * 30_000 },
  async () => {
    console.log(`erasure killed: MILLRACE_SEED=${SEED} MILLRACE_KILLS=${KILLS}`)
    const random = mulberry32(SEED)
    const journal: Journal = { acknowledged: new Set(), sent: new Set() }
    const met = { rewriting: 0, deleted: 0, answered: 0 }
    running = await startProcess(directory)
    await fill(running.url, journal)
    await settledLedger(running)
    const peaceful = users.at(-1)!
    const begun = performance.now()
    await eraseAll(running.url, peaceful)
    const usualMillis = performance.now() - begun
    expect(tracesOf(peaceful)).toEqual([])
    for (const [at, user] of users.slice(0, -1).entries()) {
      expect(tracesOf(user).some(inWarehouse)).toBe(true)
      const atRewriting = at % 3 > 0
      const withinMillis = atRewriting ? REWRITING_MILLIS : usualMillis
      const isAnswered = await killDuring(running, user, journal, random, { atRewriting, withinMillis })
      if (isRewriting()) met.rewriting++
      running = await startProcess(directory)
      // What was begun in the warehouse, the start has ended.
      const held = await heldOf(running.url, user)
      expect([0, EVENTS_OF_EACH]).toContain(held)
      if (held === 0) met.deleted++
      expect(held === 0 ? tracesOf(user).filter(inWarehouse) : []).toEqual([])
      if (isAnswered) met.answered++
      expect(isAnswered ? tracesOf(user) : []).toEqual([])
      await eraseAll(running.url, user)
      expect(tracesOf(user)).toEqual([])
      await expectOthers(running, journal, KILLS - 1 - at)
    }
    console.log(`erasure killed: ${usualMillis.toFixed(0)} ms in peace; ${JSON.stringify(met)}`)
    expect(await expectCounted(running, journal)).toMatchObject({ in_flight: 0, difference: 0 })
    expect(await running.end("SIGTERM")).toEqual({ code: 0, signal: null })
    for (const user of users) expect(tracesOf(user)).toEqual([])
  }
)
