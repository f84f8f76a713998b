import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { event } from "./support/events.ts"
import { problemOf, settled, startServer, type TestServer } from "./support/server.ts"

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const MIB = 1024 * 1024

describe("POST /events", () => {
  it("answers 202 with the queue's durability once the batch is durable", async () => {
    const answer = await server.post([event(), event()])
    expect(answer.status).toBe(202)
    expect(answer.body).toEqual({ accepted: 2, rejected: [] })
    expect(answer.headers.get("millrace-durability")).toBe("fsync")
  })

  it("judges each event alone: a bad one costs its neighbours nothing", async () => {
    const bad = event({ user_id: 7 })
    const { body, status } = await server.post([event(), bad, event()])
    expect(status).toBe(202)
    expect(body).toEqual({
      accepted: 2,
      rejected: [
        { index: 1, event_id: bad["event_id"], path: "/user_id", code: "wrong_type", message: "must be a string" }
      ]
    })
  })

  it("answers 422 with every verdict when no event is accepted", async () => {
    const answer = await server.post([event({ user_id: 7 }), 3])
    expect(problemOf(answer)).toEqual([422, "no_event_accepted"])
    expect(answer.body.rejected.map((entry: { index: number }) => entry.index)).toEqual([0, 1])
    expect(answer.body.errors[0]).toEqual({ path: "/0/user_id", code: "wrong_type", message: "must be a string" })
  })

  it("takes an envelope, and names what is wrong in one", async () => {
    expect((await server.post({ events: [event()], sent_at: new Date().toISOString() })).status).toBe(202)
    const stray = await server.post({ events: [event()], sent: 1 })
    expect(problemOf(stray)).toEqual([400, "not_a_batch"])
    expect(stray.body.errors).toEqual([{ path: "/sent", code: "unknown_field", message: "is not a field of a batch" }])
    expect(problemOf(await server.post({ events: 1 }))).toEqual([400, "not_a_batch"])
    expect(problemOf(await server.post({ events: [event()], sent_at: "yesterday" }))).toEqual([400, "not_a_batch"])
  })

  it.each([
    ["a number", "1"],
    ["a string", '"a"'],
    ["null", "null"],
    ["an object", "{}"],
    ["an empty array", "[]"]
  ])("answers 400 to %s: not a batch", async (_, body) => {
    expect(problemOf(await server.post(body))).toEqual([400, "not_a_batch"])
  })

  it.each([
    ["", "empty"],
    ["[", "character|early"],
    ["[{}", "character|early"],
    ['[{"a":tru}]', "was not expected"],
    ["\u{feff}", "empty"]
  ])("answers 400 to broken JSON: %j", async (body, detail) => {
    const answer = await server.post(body)
    expect(problemOf(answer)).toEqual([400, "invalid_json"])
    expect(answer.body.detail).toMatch(new RegExp(detail, "u"))
  })

  it("answers 400 to bytes that are not UTF-8, and drops a byte order mark", async () => {
    expect(problemOf(await server.post(new Uint8Array([0x5b, 0x22, 0xff, 0x22, 0x5d])))).toEqual([400, "invalid_utf8"])
    expect((await server.post(`\u{feff}${JSON.stringify([event()])}`)).status).toBe(202)
  })

  it("takes JSON, +json, text/plain and no type at all; anything else is 415", async () => {
    for (const type of [
      "application/json; charset=utf-8",
      "application/cloudevents+json",
      "text/plain;charset=UTF-8"
    ]) {
      expect((await server.post([event()], { "content-type": type })).status).toBe(202)
    }
    for (const type of [
      "application/x-www-form-urlencoded",
      "text/html",
      "application/json; charset=latin1",
      "jsonp"
    ]) {
      expect(problemOf(await server.post([event()], { "content-type": type }))).toEqual([415, "unsupported_media_type"])
    }
  })

  it("inflates gzip, deflate and br; anything else is 415", async () => {
    const plain = Buffer.from(JSON.stringify([event()]))
    const bodies = {
      gzip: gzipSync(plain),
      "x-gzip": gzipSync(plain),
      deflate: deflateSync(plain),
      br: brotliCompressSync(plain),
      identity: plain
    }
    for (const [encoding, body] of Object.entries(bodies)) {
      expect([encoding, (await server.post(body, { "content-encoding": encoding })).status]).toEqual([encoding, 202])
    }
    const refused = await server.post(plain, { "content-encoding": "zstd" })
    expect(problemOf(refused)).toEqual([415, "unsupported_encoding"])
    expect(refused.headers.get("accept-encoding")).toBe("gzip, deflate, br")
    expect(problemOf(await server.post(plain, { "content-encoding": "gzip" }))).toEqual([400, "invalid_encoding"])
    expect(problemOf(await server.post(gzipSync(plain).subarray(0, 40), { "content-encoding": "gzip" }))).toEqual([
      400,
      "invalid_encoding"
    ])
  })

  it("answers 413 to a byte too many, plain or inflated, and to an event too many", async () => {
    const padding = (length: number) => Buffer.from(`[1,"${"a".repeat(length - 6)}"]`)
    expect(problemOf(await server.post(padding(5 * MIB)))).toEqual([422, "no_event_accepted"])
    expect(problemOf(await server.post(padding(5 * MIB + 1)))).toEqual([413, "body_too_large"])
    expect(problemOf(await server.post(gzipSync(padding(5 * MIB + 1)), { "content-encoding": "gzip" }))).toEqual([
      413,
      "body_too_large"
    ])
    const many = Array.from({ length: 5_001 }, () => 1)
    expect(problemOf(await server.post(many))).toEqual([413, "too_many_events"])
    expect(problemOf(await server.post(many.slice(1)))).toEqual([422, "no_event_accepted"])
  })

  it("a repeated id counts once, whichever request brought it", async () => {
    const before = await settled(server)
    const batch = [event({ user_id: "once" }), event({ user_id: "once" })]
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => server.post(batch)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
    const after = await settled(server)
    expect(after.accepted - before.accepted).toBe(2_000)
    expect(after.stored - before.stored).toBe(2)
    expect(after.duplicates - before.duplicates).toBe(1_998)
    expect(after.difference).toBe(0)
  })
})

describe("paths and methods", () => {
  it("an unknown path is 404, a wrong method 405 with Allow, both as problems", async () => {
    expect(problemOf(await server.get("/nowhere"))).toEqual([404, "not_found"])
    expect(problemOf(await server.get("/stats/nothing"))).toEqual([404, "unknown_metric"])
    const wrong = await server.get("/events")
    expect(problemOf(wrong)).toEqual([405, "method_not_allowed"])
    expect(wrong.headers.get("allow")).toBe("POST, OPTIONS")
  })

  it("HEAD answers as GET without a body; OPTIONS names the methods", async () => {
    const head = await fetch(`${server.url}/livez`, { method: "HEAD" })
    expect([head.status, await head.text()]).toEqual([200, ""])
    const options = await fetch(`${server.url}/stats/dau`, { method: "OPTIONS" })
    expect([options.status, options.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS"])
  })

  it("every answer keeps browsers from guessing, framing, running or telling", async () => {
    for (const path of ["/events", "/nowhere", "/ledger", "/livez", "/docs", "/metrics", "/openapi.json"]) {
      const { headers } = await fetch(`${server.url}${path}`)
      expect([path, headers.get("x-content-type-options"), headers.get("x-frame-options")]).toEqual([
        path,
        "nosniff",
        "DENY"
      ])
      expect(headers.get("content-security-policy")).toMatch(/default-src 'none'.*frame-ancestors 'none'/u)
      expect(headers.get("referrer-policy")).toBe("no-referrer")
    }
  })

  it("a page's script reads verdicts and Retry-After of another origin's server, without credentials", async () => {
    const headers = { origin: "https://shop.example", "content-type": "text/plain;charset=UTF-8" }
    const answer = await server.post({ events: [event(), { ...event(), user_id: 5 }], sent_at: new Date() }, headers)
    expect(answer.body).toMatchObject({ accepted: 1, rejected: [{ index: 1, path: "/user_id" }] })
    expect(answer.headers.get("access-control-allow-origin")).toBe("*")
    expect(answer.headers.get("access-control-allow-credentials")).toBe(null)
    expect(answer.headers.get("access-control-expose-headers")).toBe("millrace-durability, retry-after")
    const preflight = await fetch(`${server.url}/events`, { method: "OPTIONS", headers })
    expect([preflight.status, preflight.headers.get("access-control-allow-methods")]).toEqual([204, "POST, OPTIONS"])
  })

  it("any page may send events; only pages of this machine may read answers without keys", async () => {
    const from = (path: string, origin: string, method = "GET") =>
      fetch(`${server.url}${path}`, { method, headers: { origin } }).then((answer) =>
        answer.headers.get("access-control-allow-origin")
      )
    expect(await from("/events", "https://shop.example", "OPTIONS")).toBe("*")
    expect(await from("/ledger", "https://shop.example")).toBe(null)
    expect(await from("/ledger", "http://localhost:3000")).toBe("http://localhost:3000")
    expect(await from("/dead-letters/purge", "http://localhost:3000", "OPTIONS")).toBe(null)
  })
})
