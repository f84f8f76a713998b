import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { contractRoutes } from "./support/contractRoutes.ts"
import { event } from "./support/events.ts"
import { rawRequest } from "./support/raw.ts"
import { memory, startServer, type TestServer } from "./support/server.ts"

let server: TestServer
beforeAll(async () => {
  server = await startServer({ adapters: memory })
})
afterAll(() => server.close())

interface Target {
  readonly method: string
  readonly path: string
}

/** `[status, code]`; the code of a problem only. */
const ask = async ({ method, path }: Target, headers: ReadonlyArray<string>, body = "[]") => {
  const lines = [`${method} ${path} HTTP/1.1`, ...headers, `content-length: ${body.length}`, "connection: close"]
  const answer = await rawRequest(server.port, `${lines.join("\r\n")}\r\n\r\n${body}`)
  const status = Number(/^HTTP\/1.1 (\d{3})/u.exec(answer)?.[1])
  return [status, status < 400 ? undefined : /urn:millrace:problem:(\w+)/u.exec(answer)?.[1]] as const
}

const JSON_BODY = "content-type: application/json"
const ledger = { method: "GET", path: "/ledger" }

describe("by another name than this machine's an unkeyed server answers nothing, whatever is asked", () => {
  const foreign = [
    "evil.example",
    "evil.example:4000",
    "EVIL.example.",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example:4000@localhost",
    "localhost@evil.example",
    "localhost evil.example",
    "localhost/evil.example",
    "localhost,evil.example",
    "0.0.0.0",
    "0.0.0.0:4000",
    "10.0.0.1",
    "127.0.0.256",
    "127.1",
    "[::]",
    "[::1",
    "::1]",
    "[::ffff:10.0.0.1]",
    "localhost:evil",
    "xlocalhost",
    "notlocalhost:80",
    ".localhost",
    "localhost..",
    ""
  ]

  it.each(foreign)("Host: %s", async (host) => {
    for (const target of [ledger, { method: "DELETE", path: "/users/ann" }, { method: "POST", path: "/events" }]) {
      expect(await ask(target, [`host: ${host}`, JSON_BODY])).toEqual([403, "host_not_allowed"])
    }
  })

  it.each([
    "localhost",
    "LOCALHOST:4000",
    "localhost.",
    "localhost.:4000",
    "127.0.0.1",
    "127.5.6.7:80",
    "[::1]",
    "[::1]:4000",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "app.localhost:3000"
  ])("Host: %s is this machine", async (host) => expect(await ask(ledger, [`host: ${host}`])).toEqual([200, undefined]))

  it.each([
    ["a foreign target", "http://evil.example/ledger", ["host: localhost"], [403, "host_not_allowed"]],
    ["a foreign target in capitals", "HTTP://EVIL.example:80/ledger", ["host: localhost"], [403, "host_not_allowed"]],
    [
      "a foreign host beside a target of ours",
      "http://localhost/ledger",
      ["host: evil.example"],
      [403, "host_not_allowed"]
    ],
    ["both ours", "http://localhost/ledger", ["host: localhost"], [200, undefined]],
    ["two hosts", "/ledger", ["host: localhost", "host: evil.example"], [400, "bad_request"]],
    ["two hosts, ours last", "/ledger", ["host: evil.example", "host: localhost"], [400, "bad_request"]],
    ["no host", "/ledger", [], [400, "bad_request"]]
  ])("%s", async (_, path, headers, expected) => {
    expect(await ask({ method: "GET", path }, headers)).toEqual(expected)
  })
})

describe("pages of another origin may send events to an unkeyed server, and do nothing else", () => {
  const host = "host: localhost:4000"
  const guarded = contractRoutes.filter(({ guarded: asks, name }) => asks && name !== "ingest")
  const strangers = [
    ["origin: https://evil.example"],
    ["origin: https://evil.example", "sec-fetch-site: cross-site"],
    ["origin: http://evil.example:4000", "sec-fetch-site: same-origin"],
    ["origin: null"],
    ["origin: http://localhost.evil.example"],
    ["origin: http://0.0.0.0:4000"],
    ["origin: http://[::1"],
    ["origin: file://"],
    ["origin: chrome-extension://abcdefghijklmnop"],
    ["sec-fetch-site: cross-site"],
    ["sec-fetch-site: cross-site", "sec-fetch-mode: navigate", "sec-fetch-dest: document"]
  ]

  it.each(strangers)("%s: every route", async (...headers) => {
    for (const route of [...guarded, { method: "GET", path: "/metrics" }]) {
      for (const type of [JSON_BODY, "content-type: text/plain", "x-none: 1"]) {
        const answer = await ask(route, [host, type, ...headers], route.method === "GET" ? "" : '{"ids":"all"}')
        expect([route.path, answer]).toEqual([route.path, [403, "origin_not_allowed"]])
      }
    }
    const sent = await ask({ method: "POST", path: "/events" }, [host, ...headers], JSON.stringify([event()]))
    expect(sent).toEqual([202, undefined])
  })

  it("a page that a person goes to by a link is shown where it holds no data", async () => {
    const link = ["sec-fetch-site: cross-site", "sec-fetch-mode: navigate", "sec-fetch-dest: document"]
    for (const path of ["/docs", "/livez", "/openapi.json"]) {
      expect([path, await ask({ method: "GET", path }, [host, ...link], "")]).toEqual([path, [200, undefined]])
    }
  })

  it("pages of this machine may read, as ever; its own do everything", async () => {
    const question = { method: "POST", path: "/stats/query" }
    const body = '{"metric":"dau","params":{"from":"2026-01-31","to":"2026-01-31"}}'
    for (const origin of [
      "http://localhost:3000",
      "http://127.0.0.1:8080",
      "http://[::1]:3000",
      "http://app.localhost"
    ]) {
      expect(await ask(question, [host, JSON_BODY, `origin: ${origin}`], body)).toEqual([200, undefined])
      const replay = await ask(
        { method: "POST", path: "/dead-letters/replay" },
        [host, JSON_BODY, `origin: ${origin}`],
        '{"ids":"all"}'
      )
      expect(replay).toEqual([403, "origin_not_allowed"])
    }
    const own = [host, JSON_BODY, "origin: http://localhost:4000", "sec-fetch-site: same-origin"]
    expect(await ask({ method: "POST", path: "/dead-letters/replay" }, own, '{"ids":"all"}')).toEqual([200, undefined])
  })

  it("programs, which name no origin, are not pages", async () => {
    for (const { method, path } of guarded) {
      const [status, code] = await ask({ method, path }, [host, JSON_BODY, "sec-fetch-mode: cors"], "{}")
      expect([path, [403, "origin_not_allowed"].includes(code ?? status)]).toEqual([path, false])
    }
  })
})
