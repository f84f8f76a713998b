import { LimiterUnavailable, RateLimiter, RateLimiterError } from "@millrace/core"
import { layerMemoryRateLimiter } from "@millrace/core/memory"
import { redis } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect, Layer } from "effect"
import { randomUUID } from "node:crypto"
import { rmSync } from "node:fs"
import { afterAll, describe, expect, it } from "vitest"
import { type LimitPolicy, Limits } from "../src/limits/Limits.ts"
import { limitDefaults } from "../src/limits/config.ts"
import { type ServerProcess, startProcess } from "./support/child.ts"
import { event } from "./support/events.ts"
import { memory, problemOf, startServer, temporaryDirectory, type TestServer } from "./support/server.ts"

const KEYS = "shop:write:one-0123456789abcdef,shop:write:two-0123456789abcdef"
const as = (name: string) => ({ "x-api-key": `${name}-0123456789abcdef` })

const opened: Array<TestServer> = []
afterAll(() => Promise.all(opened.map((server) => server.close())))

const open = async (policy: Partial<LimitPolicy>, limiter: Layer.Layer<RateLimiter> = layerMemoryRateLimiter()) => {
  const quotas = Limits.layer({ ...limitDefaults, ...policy }).pipe(Layer.provide(limiter))
  const server = await startServer({ adapters: memory, keys: KEYS, quotas })
  opened.push(server)
  return server
}

const events = (count: number) => Array.from({ length: count }, () => event())

describe("quotas", () => {
  it("cost one token an event, say what is left, and refuse whole batches with the time to come back", async () => {
    const server = await open({ perKey: 1, burst: 20 })
    const first = await server.post(events(15), as("one"))
    expect(first.status).toBe(202)
    expect(first.headers.get("ratelimit-policy")).toBe('"key";q=20;w=20')
    expect(first.headers.get("ratelimit")).toBe('"key";r=5;t=15')
    const refused = await server.post(events(15), as("one"))
    expect(problemOf(refused)).toEqual([429, "rate_limited"])
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(1)
    expect(refused.headers.get("ratelimit")).toMatch(/^"key";r=\d+;t=\d+$/u)
    expect((await server.post(events(5), as("one"))).status).toBe(202)
    expect((await server.post(events(15), as("two"))).status).toBe(202)
    const metrics = String((await server.get("/metrics")).body)
    expect(metrics).toContain('millrace_ratelimit_rejections_total{scope="key"} 1')
    expect(metrics).toContain('millrace_ingest_events_total{outcome="accepted"} 35')
  })

  it("count events of every form of body, before any is kept", async () => {
    const server = await open({ perKey: 1, burst: 10 })
    const key = "one-0123456789abcdef"
    expect((await server.post({ events: events(6), key }, {})).status).toBe(202)
    expect((await server.post({ events: events(6), key }, {})).status).toBe(429)
    expect((await server.post([...events(5), { ...event(), user_id: 5 }], as("one"))).status).toBe(429)
    const bad = Array.from({ length: 4 }, () => ({}))
    expect((await server.post(bad, as("one"))).status).toBe(422)
    expect((await server.post(events(4), as("one"))).status).toBe(429)
  })

  it("of an address are shared by its keys, and apart for clients behind a trusted proxy", async () => {
    const server = await open({ perAddress: 1, burst: 10, trustedProxies: 1 })
    const behind = (address: string) => ({ "x-forwarded-for": `6.6.6.6, ${address}` })
    expect((await server.post(events(8), { ...as("one"), ...behind("1.1.1.1") })).status).toBe(202)
    const refused = await server.post(events(8), { ...as("two"), ...behind("1.1.1.1") })
    expect(problemOf(refused)).toEqual([429, "rate_limited"])
    expect(refused.headers.get("ratelimit-policy")).toBe('"address";q=10;w=10')
    expect((await server.post(events(8), { ...as("two"), ...behind("2.2.2.2") })).status).toBe(202)
  })

  it("fail open or closed, as configured, while the limiter does not answer", async () => {
    const broken = Layer.succeed(RateLimiter, {
      take: () =>
        Effect.fail(new RateLimiterError({ operation: "take", reason: new LimiterUnavailable({ cause: "away" }) }))
    })
    const loose = await open({ perKey: 1, burst: 10, whenDown: "open" }, broken)
    expect((await loose.post(events(50), as("one"))).status).toBe(202)
    expect(String((await loose.get("/metrics")).body)).toContain('{scope="unavailable"} 1')
    const strict = await open({ perKey: 1, burst: 10, whenDown: "closed" }, broken)
    const refused = await strict.post(events(1), as("one"))
    expect(problemOf(refused)).toEqual([503, "limiter_unavailable"])
    expect(refused.headers.get("retry-after")).toBe("1")
  })
})

const RATE = 1_000
const BURST = 5_000
const BATCH = 20
const CLIENTS = 4
const FOR_MILLIS = Number(process.env["MILLRACE_LIMIT_MILLIS"] ?? 6_000)

/** Sends without a pause until the time is over and the quota is used up. */
const press = async ({ url }: ServerProcess, endMillis: number) => {
  let accepted = 0
  while (true) {
    const body = JSON.stringify(events(BATCH))
    const { status } = await fetch(`${url}/events`, { method: "POST", body, headers: as("one") }).then(
      async (answer) => ({ status: answer.status, text: await answer.text() })
    )
    if (status === 202) accepted += BATCH
    else if (status !== 429) throw new Error(`unexpected ${status}`)
    if (status === 429 && performance.now() > endMillis) return accepted
  }
}

await describeWithService("quotas of three processes over one Redis", redis(), (server) => {
  it("together accept at most the limit, and at least 0.98 of it", async () => {
    const environment = {
      MILLRACE_QUEUE: "memory",
      MILLRACE_WAREHOUSE: "memory",
      MILLRACE_KEYS: KEYS,
      MILLRACE_LIMITER: "redis",
      MILLRACE_REDIS_URL: server().url,
      MILLRACE_REDIS_NAME: randomUUID(),
      MILLRACE_LIMIT_WHEN_DOWN: "closed",
      // What is lost on the way would count neither as accepted nor as refused.
      MILLRACE_LIMIT_TIMEOUT_MILLIS: "30000",
      MILLRACE_LIMIT_KEY_EVENTS_PER_SECOND: String(RATE),
      MILLRACE_LIMIT_BURST_EVENTS: String(BURST)
    }
    const directories = [0, 1, 2].map(() => temporaryDirectory())
    const processes = await Promise.all(directories.map((directory) => startProcess(directory, environment)))
    const start = performance.now()
    const counts = await Promise.all(
      processes.flatMap((one) => Array.from({ length: CLIENTS }, () => press(one, start + FOR_MILLIS)))
    )
    const seconds = (performance.now() - start) / 1000
    const accepted = counts.reduce((sum, count) => sum + count, 0)
    const limit = BURST + RATE * seconds
    console.log(`quotas: ${accepted} accepted of ${limit.toFixed(0)}, ${(accepted / limit).toFixed(4)}`)
    expect(accepted).toBeLessThanOrEqual(limit)
    expect(accepted).toBeGreaterThanOrEqual(0.98 * limit)
    expect(processes.every((one) => !one.stderr().includes("limiter"))).toBe(true)
    await Promise.all(processes.map((one) => one.end("SIGTERM")))
    for (const directory of directories) rmSync(directory, { recursive: true, force: true })
  }, 180_000)
})
