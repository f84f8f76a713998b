import express from "express"
import { createServer, type RequestListener, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { gzipSync } from "node:zlib"
import { afterEach, describe, expect, it } from "vitest"
import { createMillrace, type Millrace } from "../src/index.ts"
import { event } from "./support/events.ts"
import { rawRequest } from "./support/raw.ts"
import { problemOf, reply } from "./support/server.ts"

const servers: Array<Server> = []
const opened: Array<Millrace> = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
  await Promise.all(opened.splice(0).map((millrace) => millrace.close()))
})

const mount = async () => {
  const millrace = await createMillrace({ basePath: "/analytics", open: true })
  opened.push(millrace)
  return millrace
}

const listen = async (listener: RequestListener) => {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const send = async (url: string, body: unknown, headers: Record<string, string> = {}) =>
  reply(
    await fetch(`${url}/analytics/events`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body)
    })
  )

type Parser = ReturnType<typeof express.json>
const parsers: ReadonlyArray<readonly [string, ReadonlyArray<Parser>]> = [
  ["without a parser", []],
  ["behind express.json()", [express.json({ limit: "5mb" })]],
  ["behind express.text()", [express.text({ type: "*/*", limit: "5mb" })]],
  ["behind express.raw()", [express.raw({ type: "*/*", limit: "5mb" })]]
]

describe("millrace.node in Express", () => {
  it.each(parsers)(
    "%s takes batches, plain, compressed and as a beacon, and refuses what is none",
    async (_, before) => {
      const millrace = await mount()
      const app = express()
      for (const parser of before) app.use(parser)
      app.all("/analytics/*path", millrace.node)
      const url = await listen(app)
      const zipped = gzipSync(JSON.stringify([event(), event()]))
      expect((await send(url, [event()])).body).toEqual({ accepted: 1, rejected: [] })
      expect((await send(url, zipped, { "content-encoding": "gzip" })).body).toEqual({ accepted: 2, rejected: [] })
      expect((await send(url, { events: [event()] }, { "content-type": "text/plain" })).status).toBe(202)
      expect(problemOf(await send(url, { events: 7 }))).toEqual([400, "not_a_batch"])
      const dau = await reply(await fetch(`${url}/analytics/stats/dau?from=2026-01-31&to=2026-01-31`))
      expect(dau.status).toBe(200)
      const head = await fetch(`${url}/analytics/livez`, { method: "HEAD" })
      expect([head.status, await head.text()]).toEqual([200, ""])
    }
  )

  it("an integer beyond 2^53 has its digits before express.json() and behind express.raw(), the parser's behind it", async () => {
    const millrace = await mount()
    const app = express()
    const digits = "9007199254740993"
    app.all("/before/*path", (request, response) => {
      request.originalUrl = request.originalUrl.replace("/before", "")
      millrace.node(request, response)
    })
    app.use("/raw", express.raw({ type: "*/*" }), (request, response) => {
      request.originalUrl = request.originalUrl.replace("/raw", "")
      millrace.node(request, response)
    })
    app.use(express.json())
    app.all("/analytics/*path", millrace.node)
    const url = await listen(app)
    for (const way of ["/before", "/raw", ""]) {
      const { user_id: _, ...rest } = event()
      const body = JSON.stringify({ ...rest, user_id: `way${way}`, properties: { n: "N" } }).replace('"N"', digits)
      const answer = await fetch(`${url}${way}/analytics/events`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `[${body}]`
      })
      expect(await answer.json()).toEqual({ accepted: 1, rejected: [] })
    }
    await millrace.flush()
    const exported = async (way: string) =>
      (await millrace.fetch(new Request(`http://localhost/analytics/users/${encodeURIComponent(way)}/events`))).text()
    expect(await exported("way/before")).toContain(`"n":${digits}}`)
    expect(await exported("way/raw")).toContain(`"n":${digits}}`)
    expect(await exported("way")).toContain('"n":9007199254740992}')
  })

  it("mounted by use, which cuts the path, it is at its base path all the same", async () => {
    const millrace = await mount()
    const app = express().use("/analytics", millrace.node)
    expect((await send(await listen(app), [event()])).status).toBe(202)
  })

  it("authorize sees what the middleware before it left on Node's own request", async () => {
    const millrace = await createMillrace({
      basePath: "/analytics",
      authorize: (_, incoming) =>
        (incoming as { user?: string } | undefined)?.user === "ada" ? { scope: "admin" } : false
    })
    opened.push(millrace)
    const app = express()
    app.use((request, _, next) => {
      if (request.headers["x-test-user"] === "ada") Object.assign(request, { user: "ada" })
      next()
    })
    app.all("/analytics/*path", millrace.node)
    const url = await listen(app)
    expect((await fetch(`${url}/analytics/ledger`)).status).toBe(403)
    expect((await fetch(`${url}/analytics/ledger`, { headers: { "x-test-user": "ada" } })).status).toBe(200)
  })
})

describe("millrace.node", () => {
  it("answers a target or host that is none with a problem, and after closing with 503", async () => {
    const millrace = await mount()
    const url = await listen(millrace.node)
    const port = Number(new URL(url).port)
    const answer = await rawRequest(port, "GET http:// HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n")
    expect(answer).toMatch(/^HTTP\/1.1 400 .*urn:millrace:problem:bad_request/su)
    await millrace.close()
    expect(problemOf(await send(url, [event()]))).toEqual([503, "queue_unavailable"])
  })
})

describe("a fetch handler behind a parser that has read the body says so", () => {
  it.each<[string, () => Promise<Request>]>([
    [
      "read as a web request",
      async () => {
        const request = new Request("http://app.example/analytics/events", {
          method: "POST",
          body: JSON.stringify([event()])
        })
        await request.json()
        return request
      }
    ],
    [
      "drained before it was made",
      () =>
        Promise.resolve(
          new Request("http://app.example/analytics/events", {
            method: "POST",
            headers: { "content-length": "150", "content-type": "application/json" },
            body: new ReadableStream({ start: (stream) => stream.close() }),
            duplex: "half"
          })
        )
    ]
  ])("%s", async (_, make) => {
    const millrace = await mount()
    const answer = await reply(await millrace.fetch(await make()))
    expect(problemOf(answer)).toEqual([400, "incomplete_body"])
    expect(answer.body.detail).toMatch(/express\.json\(\).*millrace\.node/su)
  })
})
