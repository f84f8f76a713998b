import { chromium as located } from "@millrace/test-services"
import { describeWithProgram } from "@millrace/test-services/vitest"
import { readFileSync } from "node:fs"
import { createServer, type RequestListener, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createMillrace, type Millrace, type MillraceOptions } from "../src/index.ts"
import { contractRoutes } from "./support/contractRoutes.ts"
import { event } from "./support/events.ts"
import { memory, startServer, type TestServer } from "./support/server.ts"

/** Names of elsewhere that lead here: a site of its own, and one that was bound to this machine's address. */
const EVIL = "evil.example"
const TIMEOUT_MILLIS = 120_000

const listen = async (listener: RequestListener) => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

interface Target {
  readonly method: string
  readonly url: string
}

/** A page's own language, so that it stands in a file of its own. */
const ATTACK = readFileSync(new URL("support/attack.js", import.meta.url), "utf8")

/** All that a page can do with these addresses; what it could read of the answers comes back. */
const attackWith = (page: Page, given: { readonly targets: ReadonlyArray<Target>; readonly sent: string }) =>
  page.evaluate<{ read: ReadonlyArray<string>; sent: number }>(`${ATTACK}\nattack(${JSON.stringify(given)})`)

describeWithProgram(
  "a page of another origin, in a browser on the same machine",
  { program: "Chromium", found: await located(), timeout: TIMEOUT_MILLIS },
  (binary) => {
    let browser: Browser
    let page: Page
    let site: Server
    let sitePort: number
    beforeAll(async () => {
      const answered = await listen((_, response) => {
        response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><body>")
      })
      site = answered.server
      sitePort = answered.port
      browser = await chromium.launch({
        executablePath: binary,
        args: ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP *.example 127.0.0.1"]
      })
    }, TIMEOUT_MILLIS)
    afterAll(async () => {
      await browser.close()
      site.closeAllConnections()
      site.close()
    })

    /** What reached anything but the refusals, by route: a browser's preflights are no more than questions. */
    const attackFrom = async (base: string) => {
      page = await browser.newPage()
      await page.goto(`http://${EVIL}:${sitePort}/`)
      const guarded = contractRoutes.filter((route) => route.guarded || route.path === "/metrics")
      const targets = guarded.map(({ method, path }) => ({ method, url: `${base}${path}` }))
      const seen = await attackWith(page, { targets, sent: JSON.stringify([event()]) })
      await page.close()
      return seen
    }

    /** Of Prometheus' text: which routes answered what to whom, but for events. */
    const answersIn = (metrics: string): ReadonlyArray<string> =>
      [...metrics.matchAll(/^http_server_request_duration_seconds_count\{(.*)\} /gmu)]
        .map(([, labels = ""]) =>
          Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/gu)].map(([, k, v]) => [k, v]))
        )
        .filter(({ method, route }) => method !== "OPTIONS" && route !== "/events" && route !== "other")
        .map(({ code, method, route }) => `${code} ${method} ${route}`)

    const shown = { user_id: "ann", event_type: "secret" }

    describe("against a server without keys", () => {
      let server: TestServer
      beforeAll(async () => {
        server = await startServer({ adapters: memory })
        await server.post([event(shown)])
      })
      afterAll(() => server.close())

      it("may send events, and do nothing else: nothing is read, nothing is done", async () => {
        const before = answersIn((await server.get("/metrics")).body)
        const { read, sent } = await attackFrom(`http://localhost:${server.port}`)
        expect(sent).toBe(202)
        expect(read).toEqual([])
        const after = answersIn((await server.get("/metrics")).body)
        const others = after.filter((line) => !before.includes(line) && line !== "200 GET /metrics")
        expect(others.filter((line) => !line.startsWith("403 "))).toEqual([])
        // The attack has come to where it was refused.
        expect(others.length).toBeGreaterThan(20)
        const held = await server.get("/users/ann/events")
        expect(held.body).toContain('"event_type":"secret"')
      })

      it("under a name that was bound to this machine it is a stranger, too", async () => {
        page = await browser.newPage()
        for (const path of ["/ledger", "/users/ann/events", "/docs", "/metrics"]) {
          const answer = await page.goto(`http://rebound.example:${server.port}${path}`)
          expect([path, answer?.status()]).toEqual([path, 403])
        }
        await page.close()
      })
    })

    const choices: ReadonlyArray<[string, MillraceOptions]> = [
      ["nothing", {}],
      ["open: true", { open: true }],
      ["authorize, of which the browser brings the cookie", { authorize: () => ({ scope: "admin" }) }]
    ]
    describe.each(choices)("against an embedded handler with %s", (_, options) => {
      let millrace: Millrace
      let app: Server
      let base: string
      beforeAll(async () => {
        millrace = await createMillrace({ basePath: "/analytics", open: false, ...options })
        const mounted = await listen(millrace.node)
        app = mounted.server
        base = `http://localhost:${mounted.port}/analytics`
        await millrace.ingest([{ ...event(shown) } as never])
        await millrace.flush()
      })
      afterAll(async () => {
        app.closeAllConnections()
        app.close()
        await millrace.close()
      })

      it("may send events, and do nothing else: nothing is read, nothing is done", async () => {
        const before = await millrace.ledger()
        const { read, sent } = await attackFrom(base)
        expect(sent).toBe(202)
        expect(read).toEqual([])
        await millrace.flush()
        expect(await millrace.ledger()).toMatchObject({ dead_lettered: 0, replayed: 0, difference: 0 })
        const listing = { date: "2026-01-31", from: "2026-01-31", to: "2026-01-31" }
        const users = await millrace.query("dau/users", { ...listing, where: 'event_type = "secret"' })
        expect(users.rows).toEqual([{ user_id: "ann" }])
        expect((await millrace.ledger()).accepted).toBeGreaterThan(before.accepted)
      })
    })
  }
)
