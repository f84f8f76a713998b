import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { expect, it } from "vitest"
import { event } from "./support/events.ts"
import { overPostgres, post, profileLaws, settledLedger, topEvents } from "./support/profileLaws.ts"
import { refusalLaws } from "./support/refusalLaws.ts"
import { problemOf, reply } from "./support/server.ts"
import { processes } from "./support/standard.ts"

const MILLIS = 120_000
const start = processes()

await describeWithService("queue none, store postgres", postgres(), (database, { owned }) => {
  const direct = async () => ({ ...(await overPostgres(database())), MILLRACE_QUEUE: "none" })
  profileLaws(direct)
  refusalLaws(direct)

  it(
    "two doors and an owner: the 202 says what the commit survives, and what came to both is counted once",
    async () => {
      const env = await direct()
      const owner = await start("etl,stats", env)
      const doors = [
        await start("ingest", { ...env, MILLRACE_STATS_URL: owner.url }),
        await start("ingest", { ...env, MILLRACE_STATS_URL: owner.url })
      ]
      const batches = Array.from({ length: 60 }, () => [event(), event()])
      const answers = await Promise.all(
        batches.flatMap((batch) => doors.map((door) => post(door, [...batch, event({ user_id: 7 })])))
      )
      for (const { body, headers, status } of answers) {
        // The test's PostgreSQL does not sync.
        expect([status, headers.get("millrace-durability")]).toEqual([202, "process-crash"])
        expect(body).toMatchObject({ accepted: 2, rejected: [{ index: 2, path: "/user_id", code: "wrong_type" }] })
      }
      expect(await settledLedger(doors[0]!)).toMatchObject({
        accepted: 240,
        stored: 120,
        duplicates: 120,
        dead_lettered: 0,
        difference: 0
      })
      expect(await topEvents(doors[1]!)).toEqual([{ event_type: "visit", events: 120, users: 1 }])
      for (const server of [...doors, owner]) expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
    },
    MILLIS
  )

  it.skipIf(!owned)(
    "PostgreSQL down: 503 with Retry-After, not ready, statistics serve; it recovers without a restart",
    async () => {
      const server = await start("ingest,etl,stats", await direct())
      expect((await post(server, [event()])).status).toBe(202)
      await settledLedger(server)
      await database().kill()
      const refused = await post(server, [event()])
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"])
      // A connection that the server closed may lie in the pool still: whether its statement was carried out, nobody knows.
      const next = async () => problemOf(await post(server, [event()]))
      let problem = await next()
      while (String(problem) === "503,publish_unconfirmed") problem = await next()
      expect(problem).toEqual([503, "queue_unavailable"])
      const ready = await reply(await fetch(`${server.url}/readyz`))
      expect([ready.status, ready.body.queue.writable]).toEqual([503, false])
      expect(await topEvents(server)).toEqual([{ event_type: "visit", events: 1, users: 1 }])
      await database().start()
      const late = event()
      while ((await post(server, [late])).status !== 202) await new Promise((resolve) => setTimeout(resolve, 50))
      expect((await reply(await fetch(`${server.url}/readyz`))).status).toBe(200)
      expect(await settledLedger(server)).toMatchObject({ stored: 2, difference: 0 })
    },
    MILLIS
  )
})
