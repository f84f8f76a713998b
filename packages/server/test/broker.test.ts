import { expect, it } from "vitest"
import { event } from "./support/events.ts"
import { post, settledLedger, topEvents } from "./support/profileLaws.ts"
import { problemOf, reply } from "./support/server.ts"
import { describeStandard, processes } from "./support/standard.ts"

const MILLIS = 180_000
const start = processes()

const until = async (done: () => Promise<boolean>) => {
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 50))
}

/** A request that waits for its own time-out is told by this from one that is refused. */
const PUBLISH_TIMEOUT_MILLIS = 5_000

await describeStandard("the broker is killed", ({ broker, environment, owned }) => {
  it.skipIf(!owned)(
    "POST is refused at once with Retry-After, questions are answered, and all goes on when it is back",
    async () => {
      const env = await environment()
      const owner = await start("etl,stats", env)
      const worker = await start("worker", env)
      const door = await start("ingest", { ...env, MILLRACE_STATS_URL: owner.url })
      const first = event()
      expect((await post(door, [first])).status).toBe(202)
      await settledLedger(door)
      await broker().kill()
      const sent = event()
      const times: Array<number> = []
      for (let count = 0; count < 20; count++) {
        const begun = performance.now()
        const answer = await post(door, [sent])
        times.push(performance.now() - begun)
        expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"])
      }
      expect(problemOf(await post(door, [sent]))).toEqual([503, "queue_unavailable"])
      const median = times.toSorted((left, right) => left - right)[10]!
      console.log(
        `broker down: POST refused in ${median.toFixed(1)} ms (median), ${Math.max(...times).toFixed(1)} (most)`
      )
      expect(median).toBeLessThan(PUBLISH_TIMEOUT_MILLIS / 2)
      for (const server of [door, worker]) {
        const { body, status } = await reply(await fetch(`${server.url}/readyz`))
        expect([status, body.queue.writable]).toEqual([503, false])
      }
      expect(await topEvents(door)).toEqual([{ event_type: "visit", events: 1, users: 1 }])
      await broker().start()
      await until(async () => (await post(door, [sent, first])).status === 202)
      await until(async () => (await fetch(`${door.url}/ledger`)).status === 200)
      expect(await settledLedger(door)).toMatchObject({ stored: 2, dead_lettered: 0, difference: 0 })
      expect((await fetch(`${worker.url}/readyz`)).status).toBe(200)
      for (const server of [door, worker, owner]) expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
    },
    MILLIS
  )
})
