import { afterEach, describe, expect, it } from "vitest"
import { bearer, login, newAccounts } from "./support/accounts.ts"
import { event } from "./support/events.ts"
import { openImpostor } from "./support/impostor.ts"
import { problemOf, reply, settled, startServer, type TestServer } from "./support/server.ts"

const closers: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

type Options = Parameters<typeof startServer>[0]

const start = async (options: Options): Promise<TestServer> => {
  const server = await startServer(options)
  closers.push(server.close)
  return server
}

const KEYS = "shop:admin:shop-key-0123456789,blog:admin:blog-key-0123456789,blog:write:blog-write-0123456789"
const shop = { authorization: "Bearer shop-key-0123456789" }
const blog = { "x-api-key": "blog-key-0123456789" }
const DAY = "from=2026-01-31&to=2026-01-31"

/** A door without statistics, whose requests for them go to `statsUrl`. The owner here does everything. */
const doorTo = (statsUrl: string, options: Options = {}) =>
  start({ keys: KEYS, ...options, roles: ["ingest"], statsUrl: new URL(statsUrl) })

const impostor = async (...answer: Parameters<typeof openImpostor>): Promise<string> => {
  const { close, url } = await openImpostor(...answer)
  closers.push(close)
  return url
}

describe("a process without statistics passes questions on", () => {
  it("answers, problems and the ledger come back as the owner gives them, to each project its own", async () => {
    const owner = await start({ keys: KEYS })
    const door = await doorTo(owner.url)
    await owner.post([event(), event({ user_id: "b" })], shop)
    await owner.post([event({ event_type: "read" })], blog)
    await settled(owner, shop)
    await settled(owner, blog)
    for (const key of [shop, blog]) {
      for (const path of [`/stats/top-events?${DAY}`, "/ledger", "/stats/dau?from=x", "/stats/dau?from=a&from=b"]) {
        const [here, there] = [await door.get(path, key), await owner.get(path, key)]
        const { as_of: _asOfHere, ...body } = here.body
        const { as_of: _asOfThere, ...expected } = there.body
        expect([here.status, body]).toEqual([there.status, expected])
        for (const name of ["content-type", "cache-control", "x-content-type-options"]) {
          expect(here.headers.get(name)).toBe(there.headers.get(name))
        }
        expect(here.headers.get("millrace-project")).toBeNull()
      }
    }
    expect((await door.get(`/stats/top-events?${DAY}`, blog)).body.rows).toEqual([
      { event_type: "read", events: 1, users: 1 }
    ])
    expect(problemOf(await door.get("/stats/nothing", shop))).toEqual([404, "unknown_metric"])
  })

  it("a question in a body is passed on as it is, and so are its problems", async () => {
    const owner = await start({ keys: KEYS })
    const door = await doorTo(owner.url)
    await owner.post([event(), event({ user_id: "b" })], shop)
    await settled(owner, shop)
    const ask = async ({ url }: TestServer, question: unknown) => {
      const headers = { ...shop, "content-type": "application/json" }
      return reply(await fetch(`${url}/stats/query`, { method: "POST", headers, body: JSON.stringify(question) }))
    }
    const day = { from: "2026-01-31", to: "2026-01-31" }
    expect((await ask(door, { metric: "top-events", params: day })).body.rows).toEqual([
      { event_type: "visit", events: 2, users: 2 }
    ])
    for (const question of [{ metric: "top-events", params: { ...day, limit: 0 } }, { metric: "no" }, []]) {
      const [here, there] = [await ask(door, question), await ask(owner, question)]
      expect([here.status, here.body]).toEqual([there.status, there.body])
    }
  })

  it("what a key or a role may not do is refused here, as its owner would refuse it", async () => {
    const keys = `${KEYS},shop:read:shop-read-0123456789`
    const door = await doorTo((await start({ keys })).url, { keys })
    const read = { authorization: "Bearer shop-read-0123456789" }
    expect(problemOf(await door.get("/dead-letters", read))).toEqual([403, "wrong_scope"])
    expect((await door.get("/dead-letters", shop)).status).toBe(200)
  })

  it("a key that may less at the owner is a difference of the processes, not the client's fault", async () => {
    const owner = await start({ keys: "shop:read:shop-key-0123456789" })
    const door = await doorTo(owner.url)
    expect(problemOf(await door.get("/dead-letters", shop))).toEqual([503, "keys_unavailable"])
    expect((await door.get("/ledger", shop)).status).toBe(200)
  })

  it("a person's session is passed on with the project that it asks about", async () => {
    const accounts = newAccounts()
    closers.push(accounts.close)
    await accounts.create("both@shop.example", { shop: "viewer", blog: "admin" })
    const owner = await accounts.open({ keys: KEYS })
    const door = await accounts.open({ keys: KEYS, roles: ["ingest"], statsUrl: new URL(owner.url) })
    await owner.post([event({ event_type: "read" })], blog)
    await settled(owner, blog)
    const session = bearer(String((await login(door, "both@shop.example")).body.access_token))
    const ask = (path: string, project: string) => door.get(path, { ...session, "millrace-project": project })
    expect((await ask(`/stats/top-events?${DAY}`, "blog")).body.rows).toHaveLength(1)
    expect((await ask(`/stats/top-events?${DAY}`, "shop")).body.rows).toEqual([])
    expect((await ask("/dead-letters", "blog")).status).toBe(200)
    expect(problemOf(await ask("/dead-letters", "shop"))).toEqual([403, "wrong_scope"])
    expect(problemOf(await ask("/ledger", "other"))).toEqual([403, "wrong_scope"])
    expect(problemOf(await door.get("/ledger", session))).toEqual([403, "project_required"])
  })

  it("keys are checked here: without a good one nobody is asked", async () => {
    let asked = 0
    const owner = await impostor((response) => {
      asked++
      response.end()
    })
    const door = await doorTo(owner)
    expect(problemOf(await door.get("/ledger"))).toEqual([401, "unauthenticated"])
    const write = { "x-api-key": "blog-write-0123456789" }
    expect(problemOf(await door.get(`/stats/dau?${DAY}`, write))).toEqual([403, "wrong_scope"])
    expect(asked).toBe(0)
  })

  it("another project's numbers are never passed on, however the owner's keys differ", async () => {
    const swapped = KEYS.replace("shop:admin:shop", "blog:admin:shop")
    for (const keys of [swapped, "", "shop:admin:other-key-0123456789"]) {
      const owner = await start({ keys })
      const door = await doorTo(owner.url)
      expect(problemOf(await door.get(`/stats/dau?${DAY}`, shop))).toEqual([503, "keys_unavailable"])
    }
  })
})

describe("an owner that is not there", () => {
  it("away: 503 with Retry-After, and the answer again when it is back", async () => {
    const owner = await start({ keys: KEYS })
    const door = await doorTo(owner.url)
    await owner.close()
    const away = await door.get("/ledger", shop)
    expect([problemOf(away), away.headers.get("retry-after")]).toEqual([[503, "warehouse_unavailable"], "1"])
    expect((await door.post([event()], shop)).status).toBe(202)
    await start({ keys: KEYS, port: owner.port })
    expect((await door.get("/ledger", shop)).status).toBe(200)
  })

  it("silent: given up after the time-out", async () => {
    const owner = await impostor(() => {})
    const door = await doorTo(owner, { statsTimeoutMillis: 100 })
    expect(problemOf(await door.get("/ledger", shop))).toEqual([503, "warehouse_unavailable"])
  })

  it.each([
    ["a page", 200, "text/html", "<p>hello"],
    ["JSON that names no project", 200, "application/json", "{}"],
    ["a redirect", 302, "application/json", "{}"]
  ])("not a millrace: %s is not passed on", async (_, status, type, body) => {
    const owner = await impostor((response) => {
      response.writeHead(status, { "content-type": type, location: "/elsewhere" })
      response.end(body)
    })
    expect(problemOf(await (await doorTo(owner)).get("/ledger", shop))).toEqual([503, "warehouse_unavailable"])
  })

  it("a question is passed on once: a door that is asked by a door refuses", async () => {
    const inner = await doorTo("http://127.0.0.1:9")
    const outer = await doorTo(inner.url)
    expect(problemOf(await outer.get("/ledger", shop))).toEqual([503, "wrong_role"])
  })

  it("nobody is named: the refusal says so", async () => {
    const door = await start({ keys: KEYS, roles: ["ingest"] })
    const refused = await door.get(`/stats/dau?${DAY}`, shop)
    expect([problemOf(refused), refused.headers.get("retry-after")]).toEqual([[503, "wrong_role"], "1"])
  })
})
