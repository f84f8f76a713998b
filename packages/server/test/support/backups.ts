import { mulberry32 } from "@millrace/test-services"
import { filesHolding } from "@millrace/testing"
import {
  type QueueServices,
  type StoreServices,
  StoreSnapshot,
  type WarehouseServices,
  WarehouseSnapshot
} from "@millrace/core"
import { Context, Effect, Layer, Option } from "effect"
import { join } from "node:path"
import { expect } from "vitest"
import { type BackupOptions, type RestoreOptions, restoreBackup, takeBackup } from "../../src/index.ts"
import type { ServerProcess } from "./child.ts"
import { event } from "./events.ts"
import { client, CLIENTS, expectBalanced, expectCounted, type Journal, SEED } from "./kills.ts"
import { newDirectory, post, settledLedger } from "./profileLaws.ts"
import { replyInTheEnd, startServer } from "./server.ts"

const BACKUPS = ["first", "second"]

export const order = async (url: string, name: string) =>
  replyInTheEnd(
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

/** A backup of opened stores with `between` done after the first of the two copies, whichever that is. */
export const backUpAround = (context: Context.Context<never>, options: BackupOptions, between: Effect.Effect<void>) => {
  let copies = 0
  const once = Effect.suspend(() => (++copies === 1 ? between : Effect.void))
  const store = Option.getOrThrow(Context.getOption(context, StoreSnapshot))
  const warehouse = Option.getOrThrow(Context.getOption(context, WarehouseSnapshot))
  return takeBackup(options).pipe(
    Effect.provideService(StoreSnapshot, {
      ...store,
      copyTo: (to, cursor) => Effect.tap(store.copyTo(to, cursor), once)
    }),
    Effect.provideService(WarehouseSnapshot, {
      ...warehouse,
      copyTo: (to) => Effect.tap(warehouse.copyTo(to), once)
    })
  )
}

const EACH = 5
const people = Array.from({ length: 5 }, (_, index) => `gone-${index}-4711`)

interface Addressed {
  readonly url: string
}

const erase = async ({ url }: Addressed, user: string) => {
  while (true) {
    const { body, status } = await replyInTheEnd(await fetch(`${url}/users/${user}`, { method: "DELETE" }))
    if (status !== 503) return expect([status, body.complete]).toEqual([200, true])
  }
}

const eventsOf = async ({ url }: Addressed, user: string): Promise<number> => {
  const text = await (await fetch(`${url}/users/${user}/events`)).text()
  return JSON.parse(text.trimEnd().split("\n").at(-1)!).events
}

const sendAll = async (server: Addressed) => {
  const events = people.flatMap((user_id) => Array.from({ length: EACH }, () => event({ user_id })))
  expect((await post(server, events)).status).toBe(202)
  await settledLedger(server)
}

/** Whole: the warehouse counts the user's events, and the hot store has them as well; or there is not a byte. */
const expectWhole = (backup: string, user: string, count: number) => {
  expect([0, EACH]).toContain(count)
  const holding = filesHolding(backup, [user])
  if (count === 0) expect(holding).toEqual([])
  else expect(holding.filter((file) => !file.startsWith("warehouse"))).not.toEqual([])
}

type StartRestored = (backup: string, directory: string) => Promise<ServerProcess>

/**
 * Erasures and backups asked for at the same time: all of them are done, and a backup holds all of a user's events, or not a
 * byte; who is in it can be erased from what is restored.
 */
export const expectWholeErasures = async (server: ServerProcess, backups: string, startRestored: StartRestored) => {
  await sendAll(server)
  const [first, ...others] = people
  await erase(server, first!)
  const backUp = async (name: string) => expect(await order(server.url, name)).toMatchObject({ status: 200 })
  const erasing = others.map((user) => () => erase(server, user))
  const tasks = [erasing[0]!, () => backUp("one"), erasing[1]!, erasing[2]!, () => backUp("two"), erasing[3]!]
  await Promise.all(tasks.map((task) => task()))
  for (const name of ["one", "two"]) {
    const directory = newDirectory()
    const restored = await startRestored(join(backups, name), directory)
    for (const user of people) expectWhole(join(backups, name), user, await eventsOf(restored, user))
    expect(await eventsOf(restored, first!)).toBe(0)
    expect(await settledLedger(restored)).toMatchObject({ stored: EACH * people.length, difference: 0 })
    await erase(restored, others[0]!)
    expect(filesHolding(directory, [others[0]!])).toEqual([])
    expect(await restored.end("SIGTERM")).toEqual({ code: 0, signal: null })
  }
}

/** Long enough for an erasure that does not wait. */
const IDLE_MILLIS = 1_000

/** An erasure that is asked for when the warehouse is copied and the hot store is not: it waits, and is then done. */
export const expectErasureToWait = async (
  context: Context.Context<QueueServices | StoreServices | WarehouseServices>,
  directory: string,
  startRestored: StartRestored
) => {
  const user = people[0]!
  const backups = newDirectory()
  let erasing: Promise<unknown> | undefined
  const warehouse = Option.getOrThrow(Context.getOption(context, WarehouseSnapshot))
  const meanwhile = Effect.promise(async () => {
    erasing = erase(server, user)
    await Promise.race([erasing, new Promise((resolve) => setTimeout(resolve, IDLE_MILLIS))])
  })
  const around = { ...warehouse, copyTo: (file: string) => Effect.tap(warehouse.copyTo(file), meanwhile) }
  const layer = Layer.succeedContext(Context.add(context, WarehouseSnapshot, around))
  const server = await startServer({ adapters: layer, directory, backupDirectory: backups })
  try {
    await sendAll(server)
    expect(await order(server.url, "one")).toMatchObject({ status: 200 })
    await erasing
    expect(await eventsOf(server, user)).toBe(0)
  } finally {
    await server.close()
  }
  const restored = await startRestored(join(backups, "one"), newDirectory())
  const count = await eventsOf(restored, user)
  expectWhole(join(backups, "one"), user, count)
  expect(count).toBe(EACH)
}
