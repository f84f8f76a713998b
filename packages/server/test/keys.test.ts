import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ConfigProvider, Effect } from "effect"
import { serverConfig } from "../src/config.ts"
import { parseKeys } from "../src/keys/configuredKeys.ts"
import { failureText } from "../src/adapters/failures.ts"
import { event } from "./support/events.ts"
import { memory, settled, startServer, type TestServer } from "./support/server.ts"

const key = (name: string) => `${name}-0123456789abcdef`
const KEYS = [
  "shop:write:shop-write",
  "shop:read:shop-read",
  "shop:admin:shop-admin",
  "blog:write:blog-write",
  "blog:read:blog-read"
]
  .map((entry) => key(entry))
  .join(",")

const bearer = (name: string) => ({ authorization: `Bearer ${key(name)}` })
const header = (name: string) => ({ "x-api-key": key(name) })

let server: TestServer
beforeAll(async () => {
  server = await startServer({ adapters: memory, keys: KEYS })
})
afterAll(() => server.close())

describe("API keys", () => {
  it("no key, or an unknown one, is 401 with a challenge", async () => {
    for (const headers of [{}, bearer("nobody"), { authorization: `Basic ${key("shop-write")}` }]) {
      const answer = await server.post([event()], headers)
      expect(answer.status).toBe(401)
      expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="millrace"')
      expect(answer.body.type).toBe("urn:millrace:problem:unauthenticated")
    }
    expect((await server.get("/ledger")).status).toBe(401)
  })

  it("write keys only ingest, read keys only read, admin keys do both and more", async () => {
    expect((await server.post([event()], bearer("shop-write"))).status).toBe(202)
    expect((await server.post([event()], header("shop-admin"))).status).toBe(202)
    const refused = await server.post([event()], header("shop-read"))
    expect([refused.status, refused.body.type]).toEqual([403, "urn:millrace:problem:wrong_scope"])
    expect((await server.get("/ledger", bearer("shop-write"))).status).toBe(403)
    expect((await server.get("/ledger", bearer("shop-read"))).status).toBe(200)
    expect((await server.get("/dead-letters", bearer("shop-read"))).status).toBe(403)
    expect((await server.get("/dead-letters", bearer("shop-admin"))).status).toBe(200)
  })

  it("who shows a wrong key in a header is refused before the body is parsed", async () => {
    const send = (body: string, headers: Record<string, string>) =>
      fetch(`${server.url}/events`, { method: "POST", headers, body })
    for (const body of ["{broken", "[broken", "broken"]) {
      expect([body, (await send(body, bearer("nobody"))).status]).toEqual([body, 401])
      expect([body, (await send(body, bearer("shop-read"))).status]).toEqual([body, 403])
      expect([body, (await send(body, bearer("shop-write"))).status]).toEqual([body, 400])
    }
  })

  it("a beacon's key lies in the envelope", async () => {
    const beacon = (name: string) =>
      server.post({ events: [event()], key: key(name) }, { "content-type": "text/plain" })
    expect((await beacon("shop-write")).status).toBe(202)
    expect((await beacon("nobody")).status).toBe(401)
  })

  it("a key in the body must be a write key, and never grants a read", async () => {
    const beacon = (name: string) => server.post({ events: [event()], key: key(name) })
    expect((await beacon("shop-write")).status).toBe(202)
    for (const name of ["shop-read", "shop-admin"]) {
      const refused = await beacon(name)
      expect([refused.status, refused.body.type]).toEqual([403, "urn:millrace:problem:wrong_scope"])
    }
    // A header counts before the body: a page's key cannot widen what the header may do.
    expect((await server.post({ events: [event()], key: key("shop-write") }, bearer("shop-read"))).status).toBe(403)
    expect((await server.get(`/ledger?key=${key("shop-read")}`)).status).toBe(401)
  })

  it("projects never mix, also with equal ids", async () => {
    const before = await settled(server, bearer("shop-read"))
    const shared = event({ user_id: "blogger", occurred_at: "2025-05-05T05:00:00Z" })
    await server.post([shared], bearer("blog-write"))
    await server.post([{ ...shared, user_id: "shopper" }], bearer("shop-write"))
    await settled(server, bearer("shop-read"))
    expect(await settled(server, bearer("blog-read"))).toMatchObject({ accepted: 1, stored: 1, difference: 0 })
    expect((await settled(server, bearer("shop-read"))).stored).toBe(before.stored + 1)
    const blog = await server.get("/stats/dau?from=2025-05-05&to=2025-05-05", bearer("blog-read"))
    expect(blog.body.rows).toEqual([{ date: "2025-05-05", users: 1, complete: true }])
  })

  it("with keys pages of the configured origins may read, and none else; any may send", async () => {
    const own = await startServer({ adapters: memory, keys: KEYS, statsOrigins: ["https://dashboard.example"] })
    const allowed = async (path: string, origin: string) => {
      const { headers } = await own.get(path, { ...bearer("shop-read"), origin })
      return headers.get("access-control-allow-origin")
    }
    for (const path of ["/ledger", "/stats/dau?from=2026-01-01&to=2026-01-01", "/auth/login"]) {
      expect([path, await allowed(path, "https://dashboard.example")]).toEqual([path, "https://dashboard.example"])
      for (const origin of ["https://dashboard.example.evil", "http://dashboard.example", "null", "http://localhost"]) {
        expect([path, origin, await allowed(path, origin)]).toEqual([path, origin, null])
      }
    }
    expect(await allowed("/events", "https://anybody.example")).toBe("*")
    for (const path of ["/dead-letters", "/users/ada/events", "/users/ada", "/backups", "/metrics", "/docs"]) {
      expect(await allowed(path, "https://dashboard.example")).toBeNull()
    }
    await own.close()
  })
})

describe("configuration", () => {
  it("without keys only loopback addresses are listened on", async () => {
    for (const host of ["0.0.0.0", "::", "192.168.1.1"]) {
      await expect(startServer({ adapters: memory, host })).rejects.toThrow(
        /refusing to listen on .* without API keys/u
      )
    }
  })

  it.each([
    ["shop:write", "entry 1: the key must have"],
    ["shop:write:0123456789abcdef,shop:append:0123456789abcdef", "entry 2: the scope"],
    ["a b:write:0123456789abcdef", "entry 1: the project"]
  ])("a bad key entry is named by its place, never repeated: %s", (text, message) => {
    expect(() => parseKeys(text)).toThrow(message)
    expect(() => parseKeys(text)).not.toThrow("0123456789abcdef")
  })

  it.each([
    ["MILLRACE_PORT", "65536"],
    ["MILLRACE_PORT", "4e9"],
    ["MILLRACE_STORE", "mysql"],
    ["MILLRACE_WAREHOUSE", "parquet"],
    ["MILLRACE_MAX_CONNECTIONS", "0"],
    ["MILLRACE_MAX_IN_FLIGHT_BYTES", "1024"],
    ["MILLRACE_CLOSE_GRACE_MILLIS", "9000"]
  ])("a value that cannot be used is refused on one line that names the variable: %s=%s", async (name, value) => {
    const env = ConfigProvider.layer(ConfigProvider.fromUnknown({ [name]: value }))
    const failure = await Effect.runPromise(Effect.flip(serverConfig.pipe(Effect.provide(env))))
    expect(failureText(failure)).toMatch(new RegExp(`^Expected .+ at \\["${name}"\\]$`, "u"))
  })
})
