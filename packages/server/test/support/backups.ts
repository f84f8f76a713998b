import { mulberry32 } from "@millrace/test-services"
import { filesHolding } from "@millrace/core/testing"
import { Effect } from "effect"
import { join } from "node:path"
import { expect } from "vitest"
import { type RestoreOptions, restoreBackup } from "../../src/index.ts"
import type { ServerProcess } from "./child.ts"
import { event } from "./events.ts"
import { client, CLIENTS, expectBalanced, expectCounted, type Journal, SEED } from "./kills.ts"
import { newDirectory, post, settledLedger } from "./profileLaws.ts"
import { reply } from "./server.ts"

const BACKUPS = ["first", "second"]

export const order = async (url: string, name: string) =>
  reply(
    await fetch(`${url}/backups`, {
      method: "POST",
      body: JSON.stringify({ name }),
      headers: { "content-type": "application/json" }
    })
  )

export const restore = (options: RestoreOptions) => Effect.runPromise(restoreBackup(options))

/** What was known around each backup. */
export interface Moment {
  readonly name: string
  readonly acknowledgedBefore: ReadonlySet<string>
  readonly sentUntil: ReadonlySet<string>
}

/** Backups are ordered where the events go; `end` takes that away, while clients still send. */
export const backUpWhileClientsSend = async (door: string, end: () => Promise<unknown>) => {
  console.log(`backup test: MILLRACE_SEED=${SEED}`)
  const journal: Journal = { acknowledged: new Set(), sent: new Set() }
  const random = mulberry32(SEED)
  let stopped = false
  const clients = Array.from({ length: CLIENTS }, () => client(door, journal, random, () => stopped))
  const moments: Array<Moment> = []
  for (const name of BACKUPS) {
    const enough = journal.acknowledged.size + 2_000
    while (journal.acknowledged.size < enough) await new Promise(setImmediate)
    const acknowledgedBefore = new Set(journal.acknowledged)
    expect(await order(door, name)).toMatchObject({ status: 200, body: { name } })
    moments.push({ name, acknowledgedBefore, sentUntil: new Set(journal.sent) })
  }
  await end()
  stopped = true
  await Promise.all(clients)
  return moments
}

/** Over what was restored: all that was acknowledged before is counted once, nothing else is, and sending it again adds nothing. */
export const expectRestored = async (server: ServerProcess, { acknowledgedBefore, name, sentUntil }: Moment) => {
  const users = await expectBalanced(server)
  expect(users).toBeGreaterThanOrEqual(acknowledgedBefore.size)
  expect(users).toBeLessThanOrEqual(sentUntil.size)
  await expectCounted(server, { acknowledged: acknowledgedBefore })
  expect(await expectBalanced(server)).toBe(users)
  expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
  console.log(`backup test: ${name}: ${acknowledgedBefore.size} acknowledged before, ${users} in it`)
}

const EACH = 5
const people = Array.from({ length: 8 }, (_, index) => `gone-${index}-4711`)

const erase = async ({ url }: ServerProcess, user: string) => {
  while (true) {
    const { body, status } = await reply(await fetch(`${url}/users/${user}`, { method: "DELETE" }))
    if (status !== 503) return expect([status, body.complete]).toEqual([200, true])
  }
}

const eventsOf = async ({ url }: ServerProcess, user: string): Promise<number> => {
  const text = await (await fetch(`${url}/users/${user}/events`)).text()
  return JSON.parse(text.trimEnd().split("\n").at(-1)!).events
}

/** Two people are erased before the backups, the others while they are asked for. Returns the backups' names. */
const raceErasures = async (server: ServerProcess) => {
  await post(
    server,
    people.flatMap((user_id) => Array.from({ length: EACH }, () => event({ user_id })))
  )
  await settledLedger(server)
  const [first, second, ...others] = people
  for (const user of [first!, second!]) await erase(server, user)
  const names = ["one", "two"]
  await Promise.all([
    ...others.slice(0, 2).map((user) => erase(server, user)),
    order(server.url, names[0]!).then(({ status }) => expect(status).toBe(200)),
    ...others.slice(2, 4).map((user) => erase(server, user)),
    order(server.url, names[1]!).then(({ status }) => expect(status).toBe(200)),
    ...others.slice(4).map((user) => erase(server, user))
  ])
  return names
}

/**
 * Erasures and backups asked for at the same time: all of them are done, and a backup holds all of a user's events, or not a
 * byte; whoever is in it can be erased from what is restored.
 */
export const expectWholeErasures = async (
  server: ServerProcess,
  backups: string,
  startRestored: (backup: string, directory: string) => Promise<ServerProcess>
) => {
  const names = await raceErasures(server)
  for (const name of names) {
    const backup = join(backups, name)
    const directory = newDirectory()
    const restored = await startRestored(backup, directory)
    const counts = await Promise.all(people.map((user) => eventsOf(restored, user)))
    for (const [index, user] of people.entries()) {
      expect([0, index < 2 ? 0 : EACH]).toContain(counts[index])
      if (counts[index] === 0) expect(filesHolding(backup, [user])).toEqual([])
    }
    expect(await settledLedger(restored)).toMatchObject({ stored: EACH * people.length, difference: 0 })
    for (const user of people) await erase(restored, user)
    expect(filesHolding(directory, people)).toEqual([])
    expect(await settledLedger(restored)).toMatchObject({ stored: EACH * people.length, difference: 0 })
    expect(await restored.end("SIGTERM")).toEqual({ code: 0, signal: null })
  }
}
