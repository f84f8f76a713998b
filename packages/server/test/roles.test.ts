import { randomUUID } from "node:crypto"
import { Effect, Layer, Schema } from "effect"
import { describe, expect, it } from "vitest"
import { type AdapterChoice, adapters, RolesText } from "../src/index.ts"
import { event } from "./support/events.ts"
import { failedStart, newDirectory, post, settledLedger, topEvents } from "./support/profileLaws.ts"
import { problemOf, reply } from "./support/server.ts"
import { describeStandard, processes } from "./support/standard.ts"

const MILLIS = 120_000
const start = processes()
const readyz = async (url: string) => reply(await fetch(`${url}/readyz`))

await describeStandard("roles over nats and postgres", ({ database, environment, owned }) => {
  it(
    "two ingest, two workers, one owner: what comes to both and twice is counted once",
    async () => {
      const env = await environment()
      const owner = await start("etl,stats", env)
      const workers = [await start("worker", env), await start("worker", env)]
      const doors = [await start("ingest", env), await start("ingest", env)]
      const batches = Array.from({ length: 40 }, (_, batch) =>
        Array.from({ length: 50 }, () => event({ event_id: randomUUID(), user_id: `user-${batch}` }))
      )
      // Every third batch goes to both doors, every fifth twice to one.
      const posts = batches.flatMap((batch, index) => [
        [doors[index % 2]!, batch] as const,
        ...(index % 3 === 0 ? [[doors[(index + 1) % 2]!, batch] as const] : []),
        ...(index % 5 === 0 ? [[doors[index % 2]!, batch] as const] : [])
      ])
      const answers = await Promise.all(posts.map(([door, batch]) => post(door, batch)))
      expect(answers.map(({ status }) => status)).toEqual(posts.map(() => 202))
      expect(await settledLedger(owner)).toMatchObject({
        accepted: posts.length * 50,
        stored: 2_000,
        duplicates: posts.length * 50 - 2_000,
        dead_lettered: 0,
        difference: 0
      })
      expect(await topEvents(owner)).toEqual([{ event_type: "visit", events: 2_000, users: 40 }])
      for (const server of [...doors, ...workers, owner]) {
        expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
      }
    },
    MILLIS
  )

  it(
    "a second owner of the warehouse ends with one line that names the first, and the first goes on",
    async () => {
      const env = await environment()
      const directory = newDirectory()
      const owner = await start("etl,stats", env, directory)
      const second = await start("etl,stats", env, directory).catch(String)
      expect(second).toMatch(
        new RegExp(
          `ended with 1: millrace: ${directory} is owned by process ${owner.process.pid} on host \\S+, since .*` +
            "MILLRACE_ROLES=ingest,worker and MILLRACE_STATS_URL=.*\\n$",
          "u"
        )
      )
      expect((await readyz(owner.url)).status).toBe(200)
    },
    MILLIS
  )

  it(
    "each process answers for its roles alone, keeps no files it does not need, and says what it lacks",
    async () => {
      const env = await environment()
      const directory = `${newDirectory()}/none`
      const worker = await start("worker", env, directory)
      expect(problemOf(await post(worker, [event()]))).toEqual([503, "wrong_role"])
      expect((await readyz(worker.url)).body).toEqual({
        status: "ready",
        roles: ["worker"],
        queue: { writable: true, durability: "process-crash", events: 0, lost: 0 },
        store: { reachable: true, held_back_seconds: 0 }
      })
      expect(worker.lines[0]).toMatch(/\(roles worker, no keys: this machine only\)$/u)
      expect(await import("node:fs").then((fs) => fs.existsSync(directory))).toBe(false)
    },
    MILLIS
  )

  it.skipIf(!owned)(
    "PostgreSQL down: the worker is not ready; ingest is, starts without it, and the owner answers",
    async () => {
      const env = await environment()
      const owner = await start("etl,stats", env)
      const worker = await start("worker", env)
      const before = await start("ingest", env)
      expect((await post(before, [event()])).status).toBe(202)
      await settledLedger(owner)
      await database().kill()
      const door = await start("ingest", env)
      for (const server of [before, door]) expect((await post(server, [event()])).status).toBe(202)
      expect((await readyz(door.url)).body).toMatchObject({ status: "ready", roles: ["ingest"] })
      expect((await readyz(owner.url)).body).toMatchObject({ status: "ready", store: { reachable: false } })
      const { body, status } = await readyz(worker.url)
      expect([status, body.store]).toEqual([503, { reachable: false }])
      expect(await topEvents(owner)).toEqual([{ event_type: "visit", events: 1, users: 1 }])
      await database().start()
      while ((await fetch(`${owner.url}/ledger`)).status !== 200)
        await new Promise((resolve) => setTimeout(resolve, 100))
      expect(await settledLedger(owner)).toMatchObject({ accepted: 3, stored: 3, difference: 0 })
      expect((await readyz(worker.url)).status).toBe(200)
    },
    MILLIS
  )
})

describe("roles that leave work undone are refused by name, before anything is opened", () => {
  const refusalOf = (roles: string, choice: Partial<AdapterChoice>) =>
    Effect.gen(function* () {
      const given = Schema.decodeUnknownSync(RolesText)(roles)
      const all = { queue: "embedded", warehouse: "duckdb", directory: newDirectory(), ...choice } as const
      return yield* Effect.flip(Effect.scoped(Layer.build(adapters({ ...all, roles: given }))))
    }).pipe(Effect.runPromise)

  it.each([
    ["ingest,worker", { queue: "memory" }, /^MILLRACE_ROLES ingest, worker without etl, stats/u],
    ["etl", { queue: "nats" }, /^MILLRACE_ROLES etl without stats: with MILLRACE_WAREHOUSE=duckdb one process owns/u],
    ["ingest,stats", { queue: "nats" }, /^MILLRACE_ROLES stats without etl/u],
    ["ingest,worker", { queue: "none" }, /^MILLRACE_ROLES worker: with MILLRACE_QUEUE=none there is no queue/u]
  ] as const)("%s %j", async (roles, choice, message) => {
    expect((await refusalOf(roles, choice)).message).toMatch(message)
  })

  it.each([
    ["worker", /MILLRACE_ROLES worker without ingest, etl, stats: with MILLRACE_QUEUE=embedded one process is/u],
    ["ingest,cook", /Expected .*"ingest".*MILLRACE_ROLES/u],
    ["ingest,ingest", /MILLRACE_ROLES/u]
  ])("the process says so on one line: %s", async (roles, message) => {
    const ended = await failedStart({ MILLRACE_ROLES: roles })
    expect(ended).toMatch(/^Error: the server ended with 1: millrace: .*\n$/u)
    expect(ended).toMatch(message)
  })
})
