import { existsSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { EventQueue } from "@millrace/core"
import { batchOf } from "@millrace/testing"
import { postgres, type PostgresServer } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect, Layer, Redacted } from "effect"
import { afterAll, afterEach, beforeAll, expect, it } from "vitest"
import { adapters, createMillrace, type NewEvent, type QueueName, restoreBackup, takeBackup } from "../src/index.ts"
import {
  backUpAround,
  backUpWhileClientsSend,
  expectErasureToWait,
  expectRestored,
  expectWholeErasures,
  order,
  restore
} from "./support/backups.ts"
import { type ServerProcess, startProcess } from "./support/child.ts"
import { event } from "./support/events.ts"
import { replayAll } from "./support/kills.ts"
import { type Environment, newDirectory, overPostgres, post, settledLedger } from "./support/profileLaws.ts"
import { problemOf } from "./support/server.ts"
import { describeStandard } from "./support/standard.ts"

const MILLIS = 240_000
/** The usual server, whose warehouse refuses some events: they are dead letters until they are replayed. */
const REFUSING = fileURLToPath(new URL("fixtures/refusing.ts", import.meta.url))

const started: Array<ServerProcess> = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.end("SIGKILL")))
})
const start = async (env: Environment, directory = newDirectory(), main?: string) => {
  const server = await startProcess(directory, env, main)
  started.push(server)
  return server
}

/** As the commands of the operator take them from the variables. */
const placesOf = ({ MILLRACE_NATS_NAME: name, MILLRACE_NATS_URL: nats, MILLRACE_POSTGRES_URL: url }: Environment) => ({
  postgresUrl: Redacted.make(url!),
  natsUrl: nats === undefined ? undefined : Redacted.make(nats),
  nats: { name }
})

const choiceOf = (env: Environment) => ({
  queue: env["MILLRACE_QUEUE"] as QueueName,
  places: { ...placesOf(env), store: "postgres" as const }
})

interface Profile {
  readonly environment: () => Promise<Environment>
  /** Empty, and elsewhere: in a cluster whose transaction numbers are far behind. */
  readonly elsewhere: () => Promise<Environment>
  /** Of the processes beside the owner; the last is the door. */
  readonly others: ReadonlyArray<string>
}

const backupLaws = ({ elsewhere, environment, others }: Profile): void => {
  const startRestored = async (backup: string, directory: string) => {
    const env = await elsewhere()
    await restore({ backup, directory, ...placesOf(env) })
    return start(env, directory)
  }

  it(
    "backups ordered at a door while clients send and dead letters are replayed, restored elsewhere: what was acknowledged before is counted exactly once, none is invented",
    async () => {
      const env = await environment()
      const backups = newDirectory()
      const owning = { ...env, MILLRACE_ROLES: "etl,stats", MILLRACE_BACKUP_DIR: backups }
      const owner = await start(owning, newDirectory(), REFUSING)
      const doors: Array<ServerProcess> = []
      for (const role of others) {
        doors.push(await start({ ...env, MILLRACE_ROLES: role, MILLRACE_STATS_URL: owner.url }))
      }
      let stopped = false
      const replaying = replayAll(owner.url, () => stopped)
      const moments = await backUpWhileClientsSend(doors.at(-1)!.url, async () => {
        stopped = true
        await Promise.all([...doors, owner].map((server) => server.end("SIGKILL")))
      })
      await replaying
      expect(moments).toHaveLength(2)
      for (const moment of moments) {
        const restored = await startRestored(join(backups, moment.name), newDirectory())
        await replayAll(restored.url, () => true)
        await expectRestored(restored, moment)
      }
    },
    MILLIS
  )

  it(
    "what is accepted and loaded between the copies of warehouse and database is in the backup once",
    async () => {
      const env = await environment()
      const { places, queue } = choiceOf(env)
      const directory = newDirectory()
      const target = join(newDirectory(), "backup")
      const visits = Array.from({ length: 200 }, () => event())
      const backingUp = Effect.gen(function* () {
        const context = yield* Layer.build(adapters({ queue, warehouse: "duckdb", directory, ...places }))
        const millrace = yield* Effect.acquireRelease(
          Effect.promise(() => createMillrace({ layer: Layer.succeedContext(context) })),
          (opened) => Effect.promise(() => opened.close())
        )
        const load = (events: typeof visits) =>
          Effect.promise(async () => {
            await millrace.ingest(events as unknown as ReadonlyArray<NewEvent>)
            await millrace.flush()
          })
        yield* load(visits.slice(0, 100))
        yield* backUpAround(context, { directory, target }, load(visits.slice(100)))
      })
      await Effect.runPromise(Effect.scoped(backingUp))
      const restored = await startRestored(target, newDirectory())
      expect(await settledLedger(restored)).toMatchObject({ accepted: 200, stored: 200, duplicates: 0, difference: 0 })
      await post(restored, visits)
      expect(await settledLedger(restored)).toMatchObject({ stored: 200, duplicates: 200, difference: 0 })
    },
    MILLIS
  )

  it(
    "erasures asked for while backups are: a backup holds all of a user's events, or not a byte",
    async () => {
      const backups = newDirectory()
      const server = await start({ ...(await environment()), MILLRACE_BACKUP_DIR: backups })
      await expectWholeErasures(server, backups, startRestored)
      expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
    },
    MILLIS
  )

  it(
    "an erasure that is asked for between the copies of warehouse and database waits until the backup is done",
    async () => {
      const { places, queue } = choiceOf(await environment())
      const directory = newDirectory()
      const waiting = Effect.gen(function* () {
        const context = yield* Layer.build(adapters({ queue, warehouse: "duckdb", directory, ...places }))
        yield* Effect.promise(() => expectErasureToWait(context, directory, startRestored))
        return true
      })
      expect(await Effect.runPromise(Effect.scoped(waiting))).toBe(true)
    },
    MILLIS
  )

  it(
    "a restore goes only into what is empty, and one that was cut short is ended by the same call",
    async () => {
      const env = await environment()
      const backups = newDirectory()
      const server = await start({ ...env, MILLRACE_BACKUP_DIR: backups })
      await post(server, [event(), event()])
      expect((await order(server.url, "good")).status).toBe(200)
      await server.end("SIGKILL")
      const backup = join(backups, "good")
      const directory = join(newDirectory(), "data")
      const over = Effect.flip(restoreBackup({ backup, directory, ...placesOf(env) }))
      expect(await Effect.runPromise(over)).toMatchObject({ _tag: "BackupError", reason: "NotEmpty" })
      expect(existsSync(directory)).toBe(false)

      const target = await elsewhere()
      const places = placesOf(target)
      // The queue's part is done, the database is not to be had.
      const postgresUrl = Redacted.make("postgres://u@127.0.0.1:9/d")
      const cut = Effect.flip(restoreBackup({ backup, directory, ...places, postgresUrl }))
      expect(await Effect.runPromise(cut)).toMatchObject({ _tag: "BackupError", reason: "Failed" })
      await restore({ backup, directory, ...places })
      // The database is done, the folder never came.
      rmSync(directory, { recursive: true })
      await restore({ backup, directory, ...places })
      const restored = await start(target, directory)
      expect(await settledLedger(restored)).toMatchObject({ accepted: 2, stored: 2, dead_lettered: 0, difference: 0 })
    },
    MILLIS
  )
}

let other: PostgresServer
beforeAll(async () => {
  other = await postgres().start()
}, MILLIS)
afterAll(() => other.close())

await describeWithService("backup of queue none, store postgres", postgres(), (database) => {
  const over = async (server: PostgresServer) => ({ ...(await overPostgres(server)), MILLRACE_QUEUE: "none" })
  backupLaws({ environment: () => over(database()), elsewhere: () => over(other), others: ["ingest"] })

  it("an owner without a folder for backups says so also through a door", async () => {
    const env = await over(database())
    const owner = await start({ ...env, MILLRACE_ROLES: "etl,stats" })
    const door = await start({ ...env, MILLRACE_ROLES: "ingest", MILLRACE_STATS_URL: owner.url })
    expect(problemOf(await order(door.url, "none"))).toEqual([403, "backups_off"])
  }, 60_000)
})

await describeStandard("backup of queue nats, store postgres", ({ environment }) => {
  const elsewhere = async () => ({ ...(await environment()), ...(await overPostgres(other)) })
  backupLaws({ environment, elsewhere, others: ["worker", "ingest"] })

  it(
    "without a worker nothing is written: what was accepted is waited for, a while; with one it is in the backup",
    async () => {
      const env = await environment()
      const backups = newDirectory()
      const target = join(backups, "late")
      const directory = newDirectory()
      const layer = adapters({ queue: "nats", warehouse: "duckdb", directory, ...placesOf(env) })
      const taken = Effect.gen(function* () {
        yield* (yield* EventQueue).publish(batchOf(1, 3))
        const refused = yield* Effect.flip(takeBackup({ directory, target, settleWithinMillis: 300 }))
        expect(refused).toMatchObject({ _tag: "BackupError", reason: "Behind" })
        expect(readdirSync(backups)).toEqual([])
        yield* Effect.promise(() => start({ ...env, MILLRACE_ROLES: "worker" }))
        return yield* takeBackup({ directory, target })
      })
      const { files } = await Effect.runPromise(Effect.provide(taken, layer))
      expect(files.map(({ path }) => path)).toContain("nats/counts.json")
      const there = await elsewhere()
      const data = join(newDirectory(), "data")
      await restore({ backup: target, directory: data, ...placesOf(there) })
      expect(await settledLedger(await start(there, data))).toMatchObject({ accepted: 3, stored: 3, difference: 0 })
    },
    MILLIS
  )
})
