import { afterAll, beforeAll, expect, it } from "vitest"
import { event } from "./support/events.ts"
import {
  embedded,
  problemOf,
  type Reply,
  reply,
  replyInTheEnd,
  startServer,
  temporaryDirectory,
  type TestServer
} from "./support/server.ts"

const KEYS = ["shop", "blog"]
  .flatMap((project) => ["admin", "read"].map((scope) => `${project}:${scope}:${project}-${scope}-0123456789`))
  .join()
const as = (project: string, scope = "admin") => ({ authorization: `Bearer ${project}-${scope}-0123456789` })

const data = temporaryDirectory()
const backups = temporaryDirectory()
let owner: TestServer
let door: TestServer
beforeAll(async () => {
  owner = await startServer({
    keys: KEYS,
    directory: data,
    backupDirectory: backups,
    adapters: embedded(data),
    jobWaitMillis: 0
  })
  door = await startServer({ keys: KEYS, roles: ["ingest"], statsUrl: new URL(owner.url) })
})
afterAll(async () => {
  await door.close()
  await owner.close()
})

const order = async (url: string, project: string, name: string) =>
  fetch(`${url}/backups`, {
    method: "POST",
    headers: { ...as(project), "content-type": "application/json" },
    body: JSON.stringify({ name })
  })

const erase = (url: string, project: string, user: string) =>
  fetch(`${url}/users/${user}`, { method: "DELETE", headers: as(project) })

const named = ({ body, headers, status }: Reply): string => {
  expect([status, headers.get("retry-after"), Object.keys(body)]).toEqual([202, "1", ["job"]])
  return `/jobs/${body.job}`
}

it("a backup and an erasure that nobody waits for are answered by their names, here and through a door, to their project alone", async () => {
  await owner.post([event({ user_id: "ada" }), event({ user_id: "ada" })], as("shop"))
  const jobs = [
    named(await reply(await order(door.url, "shop", "monday"))),
    named(await reply(await erase(door.url, "shop", "ada"))),
    named(await reply(await erase(owner.url, "shop", "nobody")))
  ]
  for (const { url } of [owner, door]) {
    const answers = await Promise.all(
      jobs.map(async (job) => replyInTheEnd(await fetch(`${url}${job}`, { headers: as("shop") }), as("shop")))
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(answers[0]!.body).toEqual({ name: "monday", taken_at: expect.stringMatching(/^20/u) })
    // What was removed is said as often as it is asked for.
    expect(answers[1]!.body.places.at(-1)).toMatchObject({ place: "warehouse", status: "done", events: 2 })
    expect(answers[2]!.body.places.at(-1)).toMatchObject({ place: "warehouse", status: "done", events: 0 })
    for (const job of jobs) {
      const ask = async (headers: Record<string, string>) =>
        problemOf(await reply(await fetch(`${url}${job}`, { headers })))
      expect(await ask(as("blog"))).toEqual([404, "unknown_job"])
      expect(await ask(as("shop", "read"))).toEqual([403, "wrong_scope"])
      expect(await ask({})).toEqual([401, "unauthenticated"])
    }
    expect(problemOf(await reply(await fetch(`${url}/jobs/monday`, { headers: as("shop") })))).toEqual([
      404,
      "unknown_job"
    ])
  }
})

it("a refusal that comes late is answered by its name as well", async () => {
  await replyInTheEnd(await order(owner.url, "shop", "tuesday"), as("shop"))
  const job = named(await reply(await order(door.url, "blog", "tuesday")))
  const answer = await replyInTheEnd(await fetch(`${door.url}${job}`, { headers: as("blog") }), as("blog"))
  expect(problemOf(answer)).toEqual([409, "backup_exists"])
})
