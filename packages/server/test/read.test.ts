import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { event } from "./support/events.ts"
import { problemOf, settled, startServer, type TestServer } from "./support/server.ts"

let server: TestServer
beforeAll(async () => {
  server = await startServer()
  await server.post([
    event({ user_id: "a", occurred_at: "2026-01-30T10:00:00Z", event_type: "visit" }),
    event({ user_id: "a", occurred_at: "2026-01-31T10:00:00Z", event_type: "buy" }),
    event({ user_id: "b", occurred_at: "2026-01-31T11:00:00Z", event_type: "visit" })
  ])
  await settled(server)
})
afterAll(() => server.close())

describe("GET /stats", () => {
  it("answers every metric from what was sent, never cached", async () => {
    const dau = await server.get("/stats/dau?from=2026-01-30&to=2026-01-31")
    expect(dau.status).toBe(200)
    expect(dau.headers.get("cache-control")).toBe("no-store")
    expect(dau.body.rows).toEqual([
      { date: "2026-01-30", users: 1, complete: true },
      { date: "2026-01-31", users: 2, complete: true }
    ])
    const active = await server.get("/stats/active-users?from=2026-01-30&to=2026-01-31&interval=month")
    expect(active.body.rows).toEqual([{ date: "2026-01-01", users: 2, complete: true }])
    const top = await server.get("/stats/top-events?from=2026-01-30&to=2026-01-31")
    expect(top.body.rows).toEqual([
      { event_type: "visit", events: 2, users: 2 },
      { event_type: "buy", events: 1, users: 1 }
    ])
    const retention = await server.get(
      "/stats/retention?start_date=2026-01-30&end_date=2026-01-30&interval=day&windows=2"
    )
    expect(retention.body.rows[0]).toMatchObject({
      cohort: "2026-01-30",
      size: 1,
      cells: [{ users: 1 }, { users: 1, rate: 1 }]
    })
    expect(retention.body.params).toMatchObject({ tz: "UTC", mode: "first-ever", windows: 2 })
  })

  it("filters, breakdowns and the other metrics, by query string and by body alike", async () => {
    const range = "from=2026-01-30&to=2026-01-31"
    const both = async (metric: string, text: Record<string, string>, json: Record<string, unknown>) => {
      const got = await server.get(`/stats/${metric}?${range}&${new URLSearchParams(text).toString()}`)
      const params = { from: "2026-01-30", to: "2026-01-31", ...json }
      const posted = await server.post({ metric, params }, {}, "/stats/query")
      expect([posted.status, posted.body]).toEqual([200, { ...got.body, as_of: posted.body.as_of }])
      return got.body.rows
    }
    const visits = { field: "event_type", op: "=", value: "visit" }
    expect(await both("dau", { where: 'event_type = "visit"' }, { where: visits })).toMatchObject([
      { users: 1 },
      { users: 1 }
    ])
    const broken = { measure: "users", breakdown: "event_type" }
    const trend = await both("trend", broken, broken)
    expect(trend).toMatchObject([
      { date: "2026-01-30", breakdown: "visit", value: 1 },
      { date: "2026-01-31", breakdown: "visit", value: 1 },
      { date: "2026-01-30", breakdown: "buy", value: 0 },
      { date: "2026-01-31", breakdown: "buy", value: 1 }
    ])
    const funnel = await both("funnel", { steps: "visit,buy", window: "2d" }, { steps: [visits, "buy"], window: "2d" })
    expect(funnel).toMatchObject([
      { step: 1, users: 2, median_seconds: null },
      { step: 2, users: 1, from_first: 0.5, median_seconds: 86_400 }
    ])
    expect(await both("lifecycle", {}, {})).toMatchObject([{ new: 1 }, { new: 1, returning: 1, dormant: 0 }])
    expect(await both("stickiness", {}, {})).toMatchObject([{ users: 1, at_least: 2 }, { users: 1 }])
    expect(await both("paths", {}, { limit: 50 })).toEqual([])
    // The text 1 is not the number 1: quoted in a query string, as it is in JSON.
    const value = { date: "2026-01-31", breakdown: "event_type", breakdown_value: "buy" }
    expect(await both("dau/users", value, value)).toEqual([{ user_id: "a" }])
    const text = { ...value, breakdown_value: '"1"' }
    expect(await both("dau/users", text, { ...value, breakdown_value: "1" })).toEqual([])
    const page = { date: "2026-01-31", limit: "1", after: "a" }
    expect(await both("dau/users", page, { ...page, limit: 1 })).toEqual([{ user_id: "b" }])
  })

  it.each([
    [{ metric: "nothing" }, 404, "unknown_metric", undefined],
    [{}, 422, "invalid_parameter", "/metric"],
    [[], 422, "invalid_parameter", "/metric"],
    [{ metric: "dau", param: {} }, 422, "invalid_parameter", "/param"],
    [{ metric: "dau", params: [] }, 422, "invalid_parameter", "/params"],
    [
      { metric: "dau", params: { from: "2026-01-30", to: "2026-01-31", where: { field: 1 } } },
      422,
      "invalid_parameter",
      "/where"
    ],
    [
      { metric: "funnel", params: { from: "2026-01-30", to: "2026-01-31", steps: ["a"] } },
      422,
      "invalid_parameter",
      "/steps"
    ]
  ])("POST /stats/query names what it refuses: %j", async (body, status, code, path) => {
    const answer = await server.post(body, {}, "/stats/query")
    expect(problemOf(answer)).toEqual([status, code])
    expect(answer.body.errors[0]?.path).toBe(path)
  })

  it("POST /stats/query takes JSON alone, so that no other page's form reaches it", async () => {
    const answer = await server.post("{}", { "content-type": "text/plain" }, "/stats/query")
    expect(problemOf(answer)).toEqual([415, "unsupported_media_type"])
  })

  it.each([
    ["from=2026-02-30&to=2026-03-01", "from", "invalid_parameter"],
    ["to=2026-03-01", "from", "missing_parameter"],
    ["from=2026-03-02&to=2026-03-01", "from", "invalid_parameter"],
    ["from=2026-03-01&to=2026-03-01&tz=Mars/Base", "tz", "invalid_parameter"],
    ["from=2026-03-01&to=2026-03-01&form=1", "form", "unknown_parameter"],
    ["from=2026-03-01&from=2026-03-01&to=2026-03-01", "from", "repeated_parameter"],
    ["from=2010-03-01&to=2026-03-01", "from", "invalid_parameter"],
    ["from=2026-03-01&to=2026-03-01&where=plan", "where", "invalid_parameter"]
  ])("422 names the field: %s", async (parameters, field, code) => {
    const { body, status } = await server.get(`/stats/dau?${parameters}`)
    expect(status).toBe(422)
    expect(body).toMatchObject({
      type: "urn:millrace:problem:invalid_parameter",
      errors: [{ path: `/${field}`, code }]
    })
  })
})

describe("operations", () => {
  it("the ledger balances", async () => {
    expect((await server.get("/ledger")).body).toEqual({
      accepted: 3,
      stored: 3,
      duplicates: 0,
      dead_lettered: 0,
      replayed: 0,
      in_flight: 0,
      lost: 0,
      difference: 0
    })
  })

  it("livez and readyz tell what is up, and how durable it is", async () => {
    expect((await server.get("/livez")).body).toEqual({ status: "alive" })
    const { body, status } = await server.get("/readyz")
    expect(status).toBe(200)
    expect(body).toMatchObject({
      status: "ready",
      roles: ["ingest", "worker", "etl", "stats"],
      queue: { writable: true, durability: "fsync" },
      warehouse: { reachable: true },
      ledger: { lost: 0, difference: 0 }
    })
    expect(Date.parse(body.warehouse.as_of)).toBeGreaterThan(0)
  })

  it("metrics count what was done", async () => {
    const { body, headers } = await server.get("/metrics")
    expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
    for (const line of [
      'millrace_ingest_requests_total{code="202"} 1',
      'millrace_ingest_events_total{outcome="accepted"} 3',
      'http_server_request_duration_seconds_count{method="POST",route="/events",code="202"} 1',
      "millrace_ingest_body_bytes_count 1",
      "millrace_queue_depth 0",
      "millrace_queue_oldest_age_seconds 0",
      'millrace_dlq_events_total{reason="StoreRejected"} 0',
      "millrace_etl_horizon_age_seconds 0",
      "millrace_reconcile_difference_events 0",
      "millrace_lost_events 0",
      'millrace_build_info{version="0.1.0"} 1'
    ]) {
      expect(body).toContain(line)
    }
    expect(body).toMatch(/^millrace_etl_watermark_timestamp_seconds 1\d{9}/mu)
  })

  it("the document is served as it is declared; the page loads nothing from elsewhere", async () => {
    const { body } = await server.get("/openapi.json")
    expect(body.openapi).toBe("3.1.0")
    const page = await server.get("/docs")
    expect(page.headers.get("content-type")).toContain("text/html")
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'")
    expect(page.body).not.toMatch(/<(?:script|link|img)[^>]+(?:src|href)=/u)
  })

  it("a request for another host's name is refused without keys: DNS rebinding", async () => {
    // fetch sets Host itself, so this one is written by hand.
    const { rawRequest } = await import("./support/raw.ts")
    const answer = await rawRequest(
      server.port,
      "GET /ledger HTTP/1.1\r\nHost: attacker.example\r\nConnection: close\r\n\r\n"
    )
    expect(answer).toMatch(/^HTTP\/1.1 403 /u)
    expect(answer).toContain("urn:millrace:problem:host_not_allowed")
  })
})
