import { randomUUID } from "node:crypto"
import { existsSync } from "node:fs"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { expect, it } from "vitest"
import { event } from "./support/events.ts"
import { failedStart, newDirectory, post, profileLaws, settledLedger, topEvents } from "./support/profileLaws.ts"
import { reply } from "./support/server.ts"
import { processes } from "./support/standard.ts"

const MILLIS = 120_000
const start = processes()

await describeWithService("queue none, store and warehouse postgres", postgres(), (database) => {
  const environment = async () => ({
    MILLRACE_QUEUE: "none",
    MILLRACE_WAREHOUSE: "postgres",
    MILLRACE_POSTGRES_URL: await database().createDatabase()
  })
  profileLaws(environment)

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
