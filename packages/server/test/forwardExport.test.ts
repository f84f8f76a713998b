import type { ServerResponse } from "node:http"
import { once } from "node:events"
import { afterEach, expect, it } from "vitest"
import { event } from "./support/events.ts"
import { openImpostor } from "./support/impostor.ts"
import { problemOf, reply, settled, startServer, type TestServer } from "./support/server.ts"

const closers: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

const KEYS = "shop:admin:shop-key-0123456789,shop:read:shop-read-0123456789,blog:admin:blog-key-0123456789"
const shop = { authorization: "Bearer shop-key-0123456789" }
const blog = { authorization: "Bearer blog-key-0123456789" }

const start = async (options: Parameters<typeof startServer>[0]): Promise<TestServer> => {
  const server = await startServer({ keys: KEYS, ...options })
  closers.push(server.close)
  return server
}

/** A process without the warehouse. */
const doorTo = (statsUrl: string) =>
  start({ roles: ["ingest"], statsUrl: new URL(statsUrl), statsTimeoutMillis: TIMEOUT_MILLIS })

/** Longer than an answer takes on a busy machine. */
const TIMEOUT_MILLIS = 5_000

/** An owner that begins an export for the project and leaves the rest to the test. */
const beginning = async (project: string) => {
  const answers: Array<ServerResponse> = []
  const { close, url } = await openImpostor((response) => {
    response.writeHead(200, { "content-type": "application/x-ndjson", "millrace-project": project })
    response.write("1\n")
    answers.push(response)
  })
  closers.push(close)
  return { url, answers }
}

const exportAt = ({ url }: TestServer, headers: Record<string, string>, init: RequestInit = {}) =>
  fetch(`${url}/users/a%2Fb/events`, { headers, ...init })

it("an export comes through a door as the owner gives it, to each project its own, and to admins alone", async () => {
  const owner = await start({})
  const door = await doorTo(owner.url)
  await owner.post(
    Array.from({ length: 40 }, () => event({ user_id: "a/b" })),
    shop
  )
  await settled(owner, shop)
  for (const [key, events] of [[shop, 40] as const, [blog, 0] as const]) {
    const [here, there] = [await exportAt(door, key), await exportAt(owner, key)]
    expect([here.status, here.headers.get("content-type")]).toEqual([200, "application/x-ndjson"])
    expect(here.headers.get("millrace-project")).toBeNull()
    const text = await here.text()
    expect(text).toBe(await there.text())
    expect(JSON.parse(text.trimEnd().split("\n").at(-1)!)).toMatchObject({ kind: "end", events })
  }
  expect((await exportAt(door, { authorization: "Bearer shop-read-0123456789" })).status).toBe(403)
  const head = await exportAt(door, shop, { method: "HEAD" })
  expect([head.status, await head.text()]).toEqual([200, ""])
})

it("the time-out is for its beginning: what comes later is passed on when it comes", async () => {
  const { answers, url } = await beginning("shop")
  const answer = await exportAt(await doorTo(url), shop)
  const reader = answer.body!.getReader()
  expect(Buffer.from((await reader.read()).value ?? "").toString()).toBe("1\n")
  await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MILLIS + 500))
  answers[0]!.end("2\n")
  expect(Buffer.from((await reader.read()).value ?? "").toString()).toBe("2\n")
  expect((await reader.read()).done).toBe(true)
})

it("what breaks off at the owner breaks off at the door, and is not taken for whole", async () => {
  const { answers, url } = await beginning("shop")
  const answer = await exportAt(await doorTo(url), shop)
  answers[0]!.destroy()
  await expect(answer.text()).rejects.toThrow("terminated")
})

it("who goes away ends the export at the owner", async () => {
  const { answers, url } = await beginning("shop")
  const away = new AbortController()
  await exportAt(await doorTo(url), shop, { signal: away.signal })
  const closed = once(answers[0]!, "close")
  away.abort()
  await expect(closed).resolves.toEqual([])
})

it("another project's export is not passed on, and ended", async () => {
  const { answers, url } = await beginning("blog")
  const refused = await reply(await exportAt(await doorTo(url), shop))
  expect(problemOf(refused)).toEqual([503, "keys_unavailable"])
  if (!answers[0]!.closed) await once(answers[0]!, "close")
})
