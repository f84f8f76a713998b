import { randomInt, randomUUID } from "node:crypto"
import { mulberry32 } from "@millrace/test-services"
import { expect } from "vitest"
import { type ServerProcess, startProcess } from "./child.ts"
import { event } from "./events.ts"
import { reply } from "./server.ts"

export const SEED = Number(process.env["MILLRACE_SEED"] ?? randomInt(2 ** 31))
export const CLIENTS = 8

export interface Journal {
  readonly acknowledged: Set<string>
  readonly sent: Set<string>
}

interface Place {
  readonly directory: string
  readonly environment?: Record<string, string>
  /** The program that is killed, in place of the usual one; its dead letters are replayed all the time. */
  readonly main?: string
}

/** Every event has a user of its own: users count identities. */
const bodyOf = (ids: ReadonlyArray<string>) =>
  JSON.stringify(ids.map((event_id) => event({ event_id, user_id: event_id })))

export const send = (url: string, ids: ReadonlyArray<string>) =>
  fetch(`${url}/events`, { method: "POST", body: bodyOf(ids), headers: { "content-type": "application/json" } })

/** Sends until the server goes away. */
export const client = async (url: string, journal: Journal, random: () => number, stopped: () => boolean) => {
  let unknown: ReadonlyArray<string> = []
  while (!stopped()) {
    // A batch without an answer is sent again with the same ids, as every client has to.
    const ids = unknown.length > 0 ? unknown : Array.from({ length: 1 + Math.floor(random() * 40) }, () => randomUUID())
    for (const id of ids) journal.sent.add(id)
    const answer = await send(url, ids)
      .then(reply)
      .catch(() => undefined)
    if (answer?.status === 202) for (const id of ids) journal.acknowledged.add(id)
    unknown = answer?.status === 202 ? [] : ids
    if (answer === undefined) return
  }
}

/** Until none is left and `stopped`, or the server has gone away. */
export const replayAll = async (url: string, stopped: () => boolean) => {
  while (true) {
    const answer = await fetch(`${url}/dead-letters/replay`, {
      method: "POST",
      body: '{"ids":"all"}',
      headers: { "content-type": "application/json" }
    })
      .then(reply)
      .catch(() => undefined)
    if (answer === undefined || (answer.body.count === 0 && stopped())) return
  }
}

const round = async ({ directory, environment, main }: Place, journal: Journal, random: () => number) => {
  const server = await startProcess(directory, environment, main)
  let stopped = false
  const clients = Array.from({ length: CLIENTS }, () => client(server.url, journal, random, () => stopped))
  if (main !== undefined) {
    clients.push(replayAll(server.url, () => stopped))
    while ((await reply(await fetch(`${server.url}/ledger`))).body.dead_lettered === 0);
  }
  await new Promise((resolve) => setTimeout(resolve, 20 + random() * 600))
  const ended = await server.end("SIGKILL")
  stopped = true
  await Promise.all(clients)
  expect(ended.signal).toBe("SIGKILL")
}

export const settledLedger = async (server: ServerProcess) => {
  while (true) {
    const { body } = await reply(await fetch(`${server.url}/ledger`))
    if (body.in_flight === 0) return body
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Sending every acknowledged id once more adds nothing: each of them is there. */
export const expectCounted = async (
  server: ServerProcess,
  { acknowledged }: { readonly acknowledged: ReadonlySet<string> }
) => {
  const before = await settledLedger(server)
  const ids = [...acknowledged]
  for (let start = 0; start < ids.length; start += 5_000) {
    expect((await send(server.url, ids.slice(start, start + 5_000))).status).toBe(202)
  }
  const after = await settledLedger(server)
  expect(after.stored).toBe(before.stored)
  expect(after.duplicates - before.duplicates).toBe(ids.length)
  return after
}

/** Each event has a user of its own: as many events as users means that no event counts twice. Returns their number. */
export const expectBalanced = async (server: ServerProcess): Promise<number> => {
  const ledger = await settledLedger(server)
  const { body } = await reply(await fetch(`${server.url}/stats/top-events?from=2026-01-31&to=2026-01-31`))
  // Killed before the first event was acknowledged there is nothing to count.
  const [{ events, users } = { events: 0, users: 0 }] = body.rows
  expect(events).toBe(users)
  expect(events).toBe(ledger.stored)
  expect(ledger.difference).toBe(0)
  return users
}

/**
 * The law of kill -9: after so many of them every acknowledged event is counted exactly once, and none is invented.
 * Returns the ledger of the end.
 */
export const expectExactlyOnce = async (place: Place, kills: number) => {
  console.log(`kill test: MILLRACE_SEED=${SEED} MILLRACE_KILLS=${kills}`)
  const random = mulberry32(SEED)
  const journal: Journal = { acknowledged: new Set(), sent: new Set() }
  for (let killed = 0; killed < kills; killed++) await round(place, journal, random)
  const server = await startProcess(place.directory, place.environment)
  if (place.main !== undefined) await replayAll(server.url, () => true)
  const users = await expectBalanced(server)
  expect(users).toBeGreaterThanOrEqual(journal.acknowledged.size)
  expect(users).toBeLessThanOrEqual(journal.sent.size)
  const last = await expectCounted(server, journal)
  expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
  console.log(`kill test: ${journal.acknowledged.size} acknowledged, ${users} counted, ${journal.sent.size} sent`)
  return last
}
