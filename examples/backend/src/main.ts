/**
 * millrace inside an existing backend: the shop's own code ingests on the server side, browsers post to the mounted
 * handler, and both are asked in one place. Nothing else is installed, nothing else runs.
 * Run: npm run -s examples
 */
import { mkdtempSync, rmSync } from "node:fs"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { serve } from "@hono/node-server"
import { createMillrace } from "@millrace/server"
import { Hono } from "hono"

const directory = mkdtempSync(join(tmpdir(), "millrace-example-"))
/** Stands for the shop's own login. */
const STAFF = "staff-session"
const millrace = await createMillrace({
  directory,
  basePath: "/analytics",
  // Whoever visits may send events; reading, exporting and erasing is for the staff.
  authorize: (request) =>
    request.headers.get("cookie") === `session=${STAFF}` ? { scope: "admin" } : { scope: "write" }
})

const shop = new Hono()
shop.post("/buy/:customer", async (context) => {
  const { accepted } = await millrace.ingest([
    {
      event_id: crypto.randomUUID(),
      occurred_at: new Date(),
      user_id: context.req.param("customer"),
      event_type: "purchase",
      properties: { amount: 19.9, currency: "EUR" }
    }
  ])
  return context.json({ recorded: accepted })
})
shop.all("/analytics/*", (context) => millrace.fetch(context.req.raw))

const server = serve({ fetch: shop.fetch, port: 0, hostname: "127.0.0.1" })
await new Promise<void>((resolve) => server.once("listening", resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

await fetch(`${url}/buy/ann`, { method: "POST" })
await fetch(`${url}/buy/bob`, { method: "POST" })
const visit = {
  event_id: crypto.randomUUID(),
  occurred_at: new Date().toISOString(),
  user_id: "ann",
  event_type: "visit"
}
for (const attempt of ["first", "retry"]) {
  const answer = await fetch(`${url}/analytics/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify([visit, { ...visit, user_id: 42 }])
  })
  console.log(attempt, answer.status, await answer.text())
}

await millrace.flush()
const today = new Date().toISOString().slice(0, 10)
const top = await millrace.query("top-events", { from: today, to: today })
console.log("top events", top.rows)
const stranger = await fetch(`${url}/analytics/users/ann/events`)
console.log("a visitor who asks for a customer's events:", stranger.status)
const overHttp = await fetch(`${url}/analytics/stats/dau?from=${today}&to=${today}`, {
  headers: { cookie: `session=${STAFF}` }
})
console.log("dau over HTTP", await overHttp.text())
console.log("ledger", await millrace.ledger())

server.close()
await millrace.close()
rmSync(directory, { recursive: true })
const figures = top.rows.map(({ event_type, events, users }) => `${event_type} ${events} ${users}`).join()
if (stranger.status !== 403) {
  console.error(`the example lets strangers read: ${stranger.status}`)
  process.exitCode = 1
}
if (figures !== "purchase 2 2,visit 1 1") {
  console.error(`the example's figures are wrong: ${figures}`)
  process.exitCode = 1
}
