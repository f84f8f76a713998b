import { randomUUID } from "node:crypto"
import { existsSync } from "node:fs"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { expect, it } from "vitest"
import { startProcess } from "./support/child.ts"
import { event } from "./support/events.ts"
import { failedStart, newDirectory, post, profileLaws, settledLedger, topEvents } from "./support/profileLaws.ts"
import { problemOf, reply } from "./support/server.ts"
import { processes } from "./support/standard.ts"

const MILLIS = 120_000
const start = processes()

await describeWithService("queue none, store and warehouse postgres", postgres(), (database, { owned }) => {
  const environment = async () => ({
    MILLRACE_QUEUE: "none",
    MILLRACE_WAREHOUSE: "postgres",
    MILLRACE_POSTGRES_URL: await database().createDatabase()
  })
  profileLaws(environment)

  it.skipIf(!owned)(
    "PostgreSQL down: statistics are 503 with Retry-After until it is back, and nothing is lost",
    async () => {
      const server = await startProcess(newDirectory(), await environment())
      expect((await post(server, [event(), event()])).status).toBe(202)
      expect(await settledLedger(server)).toMatchObject({ accepted: 2, stored: 2, difference: 0 })
      const ask = async () => reply(await fetch(`${server.url}/stats/top-events?from=2026-01-31&to=2026-01-31`))
      await database().kill()
      const refused = await ask()
      expect(problemOf(refused)).toEqual([503, "warehouse_unavailable"])
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0)
      await database().start()
      while ((await ask()).status !== 200) await new Promise((resolve) => setTimeout(resolve, 100))
      expect(await settledLedger(server)).toMatchObject({ accepted: 2, stored: 2, difference: 0 })
      expect(await topEvents(server)).toEqual([{ event_type: "visit", events: 2, users: 1 }])
      expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
    },
    MILLIS
  )

  it("an address of a replica that is none is refused by its name", async () => {
    const env = { ...(await environment()), MILLRACE_POSTGRES_REPLICA_URL: "somewhere" }
    expect(await failedStart(env)).toMatch(/millrace: MILLRACE_POSTGRES_REPLICA_URL is not such an address/u)
  })

  it(
    "one process loads, two answer alike, also one that starts later; none of them keeps a file",
    async () => {
      const env = await environment()
      const directory = `${newDirectory()}/none`
      const loader = await start("etl", env, directory)
      const door = await start("ingest", env, directory)
      const first = await start("stats", env, directory)
      const visits = Array.from({ length: 200 }, (_, index) => event({ user_id: `user-${index % 9}` }))
      expect((await post(door, visits)).status).toBe(202)
      expect(await settledLedger(first)).toMatchObject({ accepted: 200, stored: 200, difference: 0 })
      const second = await start("stats", env, directory)
      const more = [event({ event_id: randomUUID(), user_id: "late" })]
      expect((await post(door, more)).status).toBe(202)
      for (const server of [second, first]) {
        expect(await settledLedger(server)).toMatchObject({ accepted: 201, stored: 201, difference: 0 })
        expect(await topEvents(server)).toEqual([{ event_type: "visit", events: 201, users: 10 }])
      }
      const user = `${second.url}/users/${encodeURIComponent("user-3")}`
      const erased = await reply(await fetch(user, { method: "DELETE" }))
      expect(erased.body).toMatchObject({ complete: true })
      for (const server of [second, first]) {
        expect(await topEvents(server)).toEqual([{ event_type: "visit", events: 179, users: 9 }])
      }
      expect(existsSync(directory)).toBe(false)
      for (const server of [first, second, door, loader]) {
        expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
      }
    },
    MILLIS
  )
})
