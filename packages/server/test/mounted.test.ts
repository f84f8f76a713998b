import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { createMillrace, type Grant, type Millrace, type MillraceOptions } from "../src/index.ts"
import { contractRoutes } from "./support/contractRoutes.ts"
import { event } from "./support/events.ts"
import { problemOf, reply } from "./support/server.ts"

const opened: Array<Millrace> = []
const warnings = vi.spyOn(console, "warn")
const logged = vi.spyOn(console, "log")
beforeEach(() => {
  warnings.mockReset().mockReturnValue()
  logged.mockReset().mockReturnValue()
})
afterEach(() => Promise.all(opened.splice(0).map((millrace) => millrace.close())))

const open = async (options: MillraceOptions = {}) => {
  const millrace = await createMillrace({ basePath: "/analytics", ...options })
  opened.push(millrace)
  return millrace
}

const ask = async (
  millrace: Millrace,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body: unknown = []
) =>
  reply(
    await millrace.fetch(
      new Request(`https://shop.example/analytics${path}`, {
        method,
        headers: { "content-type": "application/json", host: "shop.example", ...headers },
        ...(method === "GET" || method === "HEAD" ? {} : { body: JSON.stringify(body) })
      })
    )
  )

const send = (millrace: Millrace, headers: Record<string, string> = {}) =>
  ask(millrace, "POST", "/events", headers, [event()])

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
const QUESTION = "/stats/dau?from=2026-01-31&to=2026-01-31"

describe("a handler without keys, authorize or open", () => {
  it("takes events from anybody, and of all other routes of the contract nothing, by any method", async () => {
    const millrace = await open()
    expect((await send(millrace)).status).toBe(202)
    for (const { path } of contractRoutes.filter(({ name }) => name !== "ingest")) {
      for (const method of METHODS) {
        const answer = await ask(millrace, method, path)
        expect([method, path, problemOf(answer)]).toEqual([method, path, [403, "events_only"]])
        for (const option of ["keys", "authorize", "open: true"]) expect(answer.body.detail).toContain(option)
      }
    }
  })

  it("lets no page but by events in: no route but theirs is opened to another origin", async () => {
    const millrace = await open()
    for (const { path } of contractRoutes) {
      const preflight = await ask(millrace, "OPTIONS", path, {
        origin: "https://evil.example",
        "access-control-request-method": "POST"
      })
      const allowed = preflight.headers.get("access-control-allow-origin")
      expect([path, allowed]).toEqual([path, path === "/events" ? "*" : null])
    }
  })

  it("says so once, when it is made, on standard error", async () => {
    const millrace = await open()
    await ask(millrace, "GET", "/ledger")
    await ask(millrace, "GET", "/ledger")
    expect(warnings).toHaveBeenCalledTimes(1)
    expect(warnings.mock.calls[0]![0]).toMatch(/events alone.*keys.*authorize.*open: true/su)
    expect(logged).not.toHaveBeenCalled()
  })

  it("of one that names no base path it says so with the first request, and nothing where there is none", async () => {
    const millrace = await open({ basePath: "" })
    await millrace.ingest([event() as never])
    expect(warnings).not.toHaveBeenCalled()
    for (const _ of [1, 2]) await millrace.fetch(new Request("https://shop.example/livez"))
    expect(warnings).toHaveBeenCalledTimes(1)
  })

  it.each([
    { keys: "shop:write:0123456789abcdef" },
    { open: true },
    { open: false },
    { authorize: () => false as const }
  ])("whoever chose says nothing: %j", async (options) => {
    await send(await open(options))
    expect(warnings).not.toHaveBeenCalled()
  })
})

describe("authorize", () => {
  const grants: Record<string, Grant | false | undefined> = {
    writer: { scope: "write" },
    reader: { scope: "read", project: "blog" },
    admin: { scope: "admin" },
    nobody: false
  }
  const byName = (request: Request) => grants[request.headers.get("x-test-user") ?? "nobody"] ?? false
  const as = (name: string) => ({ "x-test-user": name })

  it("decides for every route that asks for a key: nobody, a writer and a reader get what their scope has", async () => {
    const millrace = await open({ authorize: byName })
    for (const { method, name, path } of contractRoutes.filter(({ guarded }) => guarded)) {
      const refused = async (who: string) => problemOf(await ask(millrace, method, path, as(who), [event()]))
      expect([path, await refused("nobody")]).toEqual([path, [403, "not_authorized"]])
      const writer = name === "ingest" ? "a write key's own" : await refused("writer")
      expect([path, writer]).toEqual([path, name === "ingest" ? writer : [403, "wrong_scope"]])
    }
    expect((await send(millrace, as("writer"))).status).toBe(202)
    expect((await send(millrace, as("reader"))).status).toBe(403)
    expect((await ask(millrace, "GET", "/ledger", as("reader"))).status).toBe(200)
    expect((await ask(millrace, "DELETE", "/users/ann", as("reader"))).status).toBe(403)
    expect((await ask(millrace, "GET", "/dead-letters", as("admin"))).status).toBe(200)
  })

  it("names the project, default where it names none", async () => {
    const millrace = await open({ authorize: byName })
    await send(millrace, as("admin"))
    await millrace.flush()
    expect((await ask(millrace, "GET", "/ledger", as("admin"))).body.stored).toBe(1)
    expect((await ask(millrace, "GET", "/ledger", as("reader"))).body.stored).toBe(0)
  })

  it("may take its time, and may say why not", async () => {
    const millrace = await open({
      authorize: async (request) => {
        await Promise.resolve()
        return byName(request) || { refuse: "unauthenticated", detail: "Log in first." }
      }
    })
    const refused = await ask(millrace, "GET", "/ledger")
    expect(problemOf(refused)).toEqual([401, "unauthenticated"])
    expect(refused.body.detail).toBe("Log in first.")
    expect((await ask(millrace, "GET", "/ledger", as("reader"))).status).toBe(200)
  })

  it.each([
    [
      "a throw",
      () => {
        throw new Error("no session store")
      }
    ],
    ["a rejection", () => Promise.reject(new Error("no session store"))],
    ["true", () => true],
    ["a text", () => "admin"],
    ["another scope", () => ({ scope: "owner" })],
    ["no scope", () => ({ project: "shop" })],
    ["a project that is none", () => ({ scope: "admin", project: "../shop" })],
    ["a grant with more", () => ({ scope: "admin", projects: ["a"] })]
  ])("%s is a 500 that is logged, and never opens", async (_, authorize) => {
    const millrace = await open({ authorize: authorize as never })
    for (const { method, path } of contractRoutes.filter(({ guarded }) => guarded)) {
      expect([path, problemOf(await ask(millrace, method, path, {}, [event()]))]).toEqual([path, [500, "internal"]])
    }
    expect(JSON.stringify(logged.mock.calls)).toMatch(/authorize/u)
    expect((await ask(millrace, "GET", "/ledger")).body.detail).not.toContain("session store")
  })

  it("nothing is not a grant", async () => {
    const millrace = await open({ authorize: (() => undefined) as never })
    expect(problemOf(await send(millrace))).toEqual([403, "not_authorized"])
  })

  it("beside keys decides for whoever shows none that is known", async () => {
    const key = "0123456789abcdef"
    const millrace = await open({ keys: `shop:read:${key}`, authorize: byName })
    expect((await ask(millrace, "GET", "/ledger", { "x-api-key": key })).status).toBe(200)
    expect(problemOf(await send(millrace, { "x-api-key": key, ...as("admin") }))).toEqual([403, "wrong_scope"])
    expect((await send(millrace, { authorization: "Bearer of-the-app", ...as("writer") })).status).toBe(202)
    expect(problemOf(await send(millrace, { "x-api-key": "wrong-0123456789" }))).toEqual([403, "not_authorized"])
  })
})

describe("pages of other origins, whose browser may add a cookie that authorize goes by", () => {
  const evil = { origin: "https://evil.example", "sec-fetch-site": "cross-site" }
  const choices: ReadonlyArray<[string, MillraceOptions]> = [
    ["open", { open: true }],
    ["authorize", { authorize: () => ({ scope: "admin" }) }]
  ]

  it.each(choices)("%s: get nothing of any route but events", async (_, options) => {
    const millrace = await open(options)
    for (const { method, name, path } of contractRoutes.filter(({ guarded }) => guarded)) {
      for (const headers of [
        evil,
        { origin: "null" },
        { origin: "https://evil.example" },
        { origin: "http://localhost:3000" }
      ]) {
        const answer = await ask(millrace, method, path, headers, [event()])
        const expected = name === "ingest" ? 202 : [403, "origin_not_allowed"]
        expect([path, headers, name === "ingest" ? answer.status : problemOf(answer)]).toEqual([
          path,
          headers,
          expected
        ])
        const read = answer.headers.get("access-control-allow-origin")
        expect([path, read]).toEqual([path, name === "ingest" ? "*" : null])
      }
    }
    const image = await ask(millrace, "GET", QUESTION, { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" })
    expect(problemOf(image)).toEqual([403, "origin_not_allowed"])
  })

  it.each(choices)("%s: the app's own pages may, also behind a proxy that renames the host", async (_, options) => {
    const millrace = await open(options)
    for (const headers of [
      { origin: "https://shop.example" },
      { origin: "https://shop.example", host: "upstream:3000", "sec-fetch-site": "same-origin" },
      { "sec-fetch-site": "same-origin" },
      { "sec-fetch-site": "none" },
      {}
    ]) {
      expect((await ask(millrace, "POST", "/dead-letters/replay", headers, { ids: "all" })).status).toBe(200)
      expect((await ask(millrace, "GET", QUESTION, headers)).status).toBe(200)
    }
  })

  it("pages of named origins may read statistics, and nothing more", async () => {
    const millrace = await open({ open: true, origins: ["https://dashboard.example"] })
    const headers = { origin: "https://dashboard.example", "sec-fetch-site": "cross-site" }
    const answer = await ask(millrace, "GET", QUESTION, headers)
    expect(answer.status).toBe(200)
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://dashboard.example")
    expect(problemOf(await ask(millrace, "DELETE", "/users/ann", headers))).toEqual([403, "origin_not_allowed"])
  })
})
