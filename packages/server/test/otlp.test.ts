import { afterAll, beforeAll, expect, it } from "vitest"
import { startProcess } from "./support/child.ts"
import { type Collector, type Span, startCollector } from "./support/collector.ts"
import { event } from "./support/events.ts"
import { newDirectory, settledLedger } from "./support/profileLaws.ts"
import { describeStandard, processes } from "./support/standard.ts"

const KEY = "planted-key-0123456789abcdef"
const TRACE = "0af7651916cd43dd8448eb211c80319c"
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`

let collector: Collector
beforeAll(async () => {
  collector = await startCollector()
})
afterAll(() => collector.close())

const inTrace = (name: string): Span | undefined =>
  collector.spans().find((span) => span.name === name && span.traceId === TRACE)

const send = async (url: string, headers: Record<string, string> = {}) => {
  const body = JSON.stringify([event({ user_id: "planted-user" })])
  const answer = await fetch(`${url}/events`, {
    method: "POST",
    body,
    headers: { traceparent: TRACEPARENT, ...headers }
  })
  expect(answer.status).toBe(202)
}

it("a request's trace goes on through the queue and the load, and is exported; no key or event is in it", async () => {
  const server = await startProcess(newDirectory(), {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    MILLRACE_KEYS: `shop:write:${KEY}`
  })
  await send(server.url, { "x-api-key": KEY })
  // Closing loads what was accepted, and sends what was traced.
  expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
  expect(collector.paths).toEqual(new Set(["/v1/traces"]))
  const request = collector.spans().find(({ parentSpanId }) => parentSpanId === "b7ad6b7169203331")
  expect(request?.traceId).toBe(TRACE)
  for (const name of ["store", "etl"]) expect(inTrace(name)?.parentSpanId).toBe(request?.spanId)
  for (const secret of [KEY, "planted-user"]) expect(collector.text()).not.toContain(secret)
}, 120_000)

await describeStandard("traces over a broker", ({ environment }) => {
  const start = processes()

  it("the worker's span is the request's, in another process", async () => {
    const traced = { ...(await environment()), OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
    const owner = await start("etl,stats", traced)
    const worker = await start("worker", traced)
    const door = await start("ingest", { ...traced, MILLRACE_STATS_URL: owner.url })
    await send(door.url)
    expect(await settledLedger(door)).toMatchObject({ stored: 1 })
    for (const process of [door, worker]) expect(await process.end("SIGTERM")).toEqual({ code: 0, signal: null })
    const stored = collector.spans().filter((span) => span.name === "store" && span.traceId === TRACE)
    expect(stored).toHaveLength(2)
    const ids = new Set(collector.spans().map(({ spanId }) => spanId))
    for (const { links, parentSpanId } of stored) {
      expect(ids).toContain(parentSpanId)
      expect(links).toMatchObject([{ traceId: TRACE, spanId: parentSpanId }])
    }
  })
})
