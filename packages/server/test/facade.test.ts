import { EventQueue, EventQueueError, QueueFull, Warehouse } from "@millrace/core"
import { layerMemoryQueue, layerMemoryStore, layerMemoryWarehouse } from "@millrace/core/memory"
import { Effect, Layer } from "effect"
import { rmSync } from "node:fs"
import { afterAll, expect, it } from "vitest"
import { createMillrace, type Millrace, MillraceError } from "../src/index.ts"
import { event } from "./support/events.ts"
import { reply, temporaryDirectory } from "./support/server.ts"

const opened: Array<Millrace> = []
const open = async (options?: Parameters<typeof createMillrace>[0]) => {
  const millrace = await createMillrace(options)
  opened.push(millrace)
  return millrace
}
afterAll(() => Promise.all(opened.map((millrace) => millrace.close())))

const visit = (over: { user_id?: string; properties?: Record<string, unknown> } = {}) => ({
  event_id: crypto.randomUUID(),
  occurred_at: new Date("2026-01-31T12:00:00Z"),
  user_id: "ada",
  event_type: "visit",
  ...over
})

it("ingest, flush, query, ledger: what goes in is counted", async () => {
  const millrace = await open()
  const verdict = await millrace.ingest([visit(), visit({ user_id: "" }), visit({ user_id: "bob" })])
  expect(verdict).toMatchObject({ accepted: 2, rejected: [{ index: 1, path: "/user_id", code: "empty" }] })
  await millrace.flush()
  const answer = await millrace.query("dau", { from: "2026-01-31", to: "2026-01-31" })
  expect(answer.rows).toEqual([{ date: "2026-01-31", users: 2, complete: true }])
  expect(answer.params.tz).toBe("UTC")
  expect(await millrace.ledger()).toMatchObject({ accepted: 2, stored: 2, difference: 0 })
})

it("a directory keeps events over restarts", async () => {
  const directory = temporaryDirectory()
  const first = await createMillrace({ directory })
  await first.ingest([visit(), visit()])
  await first.close()
  const second = await createMillrace({ directory })
  const { rows } = await second.query("top-events", { from: "2026-01-31", to: "2026-01-31" })
  expect(rows).toEqual([{ event_type: "visit", events: 2, users: 1 }])
  await second.close()
  rmSync(directory, { recursive: true })
})

it("more events than a request may hold are taken in slices, with their own indexes", async () => {
  const millrace = await open()
  const events = Array.from({ length: 5_002 }, (_, index) => visit(index === 5_001 ? { user_id: "" } : {}))
  expect(await millrace.ingest(events)).toMatchObject({ accepted: 5_001, rejected: [{ index: 5_001 }] })
})

it("values that JSON does not have are refused per event, never thrown", async () => {
  const millrace = await open()
  const knot: Record<string, unknown> = {}
  knot["self"] = knot
  const verdict = await millrace.ingest([
    visit({ properties: { big: 10n ** 400n } }),
    visit({ properties: knot }),
    { ...visit(), occurred_at: new Date(Number.NaN) },
    visit({ properties: { nan: Number.NaN } }),
    visit()
  ])
  expect(verdict.accepted).toBe(1)
  expect(verdict.rejected.map(({ index, path }) => [index, path])).toEqual([
    [0, "/properties/big"],
    [1, "/properties"],
    [2, "/occurred_at"],
    [3, "/properties/nan"]
  ])
})

it("projects never mix", async () => {
  const millrace = await open()
  await millrace.ingest([visit()], { project: "shop" })
  await millrace.flush()
  expect((await millrace.ledger({ project: "shop" })).stored).toBe(1)
  expect((await millrace.ledger()).stored).toBe(0)
})

it("a refused parameter rejects with its field", async () => {
  const millrace = await open()
  const failed = millrace.query("dau", { from: "2026-02-30", to: "2026-03-01" })
  await expect(failed).rejects.toBeInstanceOf(MillraceError)
  await expect(failed).rejects.toMatchObject({
    name: "MillraceError",
    code: "invalid_parameter",
    field: "from",
    retryable: false
  })
})

it("a full queue rejects as retryable, over the fetch handler as 503 with Retry-After", async () => {
  const full = Layer.effect(
    EventQueue,
    Effect.map(EventQueue, (queue) => ({
      ...queue,
      publish: () =>
        Effect.fail(new EventQueueError({ operation: "publish", reason: new QueueFull({ retryAfterSeconds: 7 }) }))
    }))
  ).pipe(Layer.provideMerge(layerMemoryQueue()))
  const millrace = await open({ layer: Layer.mergeAll(full, layerMemoryStore, layerMemoryWarehouse) })
  await expect(millrace.ingest([visit()])).rejects.toMatchObject({ code: "queue_full", retryable: true })
  const answer = await reply(await millrace.fetch(post("http://app.example/events", [event()])))
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "7"])
  expect(answer.body.type).toBe("urn:millrace:problem:queue_full")
})

it("a layer that lacks a service is refused, and each that it lacks is named, also in plain JavaScript", async () => {
  const queueAlone = Layer.effect(EventQueue, EventQueue).pipe(Layer.provide(layerMemoryQueue()))
  const layer = Layer.mergeAll(queueAlone, layerMemoryStore, layerMemoryWarehouse) as typeof layerMemoryStore
  // @ts-expect-error the types say so as well
  const opening = open({ layer })
  await expect(opening).rejects.toMatchObject({
    code: "invalid_argument",
    field: "layer",
    message: "layer does not provide DeadLetters, QueueLedger, QueueErasure, QueueObservation."
  })
})

it("an engine's failure never shows its words to a client", async () => {
  const broken = Layer.effect(
    Warehouse,
    Effect.map(Warehouse, (warehouse) => ({
      ...warehouse,
      answer: () => Effect.die(new Error("SELECT secret FROM events"))
    }))
  ).pipe(Layer.provideMerge(layerMemoryWarehouse))
  const millrace = await open({ open: true, layer: Layer.mergeAll(layerMemoryQueue(), layerMemoryStore, broken) })
  const answer = await reply(
    await millrace.fetch(new Request("http://app.example/stats/dau?from=2026-01-01&to=2026-01-02"))
  )
  expect([answer.status, answer.body.type]).toEqual([500, "urn:millrace:problem:internal"])
  expect(JSON.stringify(answer.body)).not.toContain("secret")
})

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  new Request(url, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers }
  })

it("the fetch handler is the server's API, below its base path", async () => {
  const millrace = await open({ basePath: "/analytics", open: true })
  const accepted = await reply(await millrace.fetch(post("http://app.example/analytics/events", [event()])))
  expect([accepted.status, accepted.body]).toEqual([202, { accepted: 1, rejected: [] }])
  await millrace.flush()
  const dau = await reply(
    await millrace.fetch(new Request("http://app.example/analytics/stats/dau?from=2026-01-31&to=2026-01-31"))
  )
  expect(dau.body.rows).toEqual([{ date: "2026-01-31", users: 1, complete: true }])
  expect((await millrace.fetch(new Request("http://app.example/events"))).status).toBe(404)
  const wrong = await millrace.fetch(new Request("http://app.example/analytics/events"))
  expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST, OPTIONS"])
  expect((await millrace.fetch(new Request("http://app.example/analytics/docs"))).status).toBe(200)
})

it("the fetch handler has the server's limits and keys", async () => {
  const millrace = await open({ keys: "shop:write:0123456789abcdef" })
  const large = await reply(
    await millrace.fetch(post("http://app.example/events", `[1,"${"a".repeat(5 * 1024 * 1024)}"]`))
  )
  expect([large.status, large.body.type]).toEqual([413, "urn:millrace:problem:body_too_large"])
  expect((await millrace.fetch(post("http://app.example/events", [event()]))).status).toBe(401)
  const keyed = post("http://app.example/events", [event()], { "x-api-key": "0123456789abcdef" })
  expect((await millrace.fetch(keyed)).status).toBe(202)
})

it("closing twice is fine; afterwards everything rejects as closed", async () => {
  const millrace = await createMillrace()
  await Promise.all([millrace.close(), millrace.close()])
  await expect(millrace.ledger()).rejects.toMatchObject({ code: "closed" })
  await expect(millrace.fetch(new Request("http://app.example/livez"))).rejects.toMatchObject({ code: "closed" })
})

it("a second one on a folder rejects with who has it, since when, and how to share one; the first goes on", async () => {
  const directory = temporaryDirectory()
  const first = await createMillrace({ directory })
  const error: unknown = await createMillrace({ directory }).catch((refused: unknown) => refused)
  expect(error).toMatchObject({ name: "MillraceError", code: "directory_in_use", retryable: false })
  const since = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`
  const who = String.raw`is owned by this process \(${process.pid}\) on host \S+, since ${since}`
  expect(String(error)).toMatch(new RegExp(`${directory} ${who}, .*globalThis.millrace \\?\\?= createMillrace`, "u"))
  expect(await first.ingest([visit()])).toMatchObject({ accepted: 1 })
  await first.close()
  rmSync(directory, { recursive: true })
})
