import { once } from "node:events"
import { rmSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, it } from "vitest"
import { startProcess } from "./support/child.ts"
import { event } from "./support/events.ts"
import { temporaryDirectory } from "./support/server.ts"

const KEY = "planted-key-0123456789abcdef"
const TRACE = "0af7651916cd43dd8448eb211c80319c"

it("with a collector, a request's trace is continued and exported; no key or event is in it", async () => {
  let exported = ""
  const paths = new Set<string | undefined>()
  const collector = createServer((request, response) => {
    paths.add(request.url)
    request.on("data", (chunk) => (exported += String(chunk))).on("end", () => response.end("{}"))
  })
  await once(collector.listen(0, "127.0.0.1"), "listening")
  const { port } = collector.address() as AddressInfo
  const directory = temporaryDirectory()
  const server = await startProcess(directory, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}/`,
    MILLRACE_KEYS: `shop:write:${KEY}`
  })
  const answer = await fetch(`${server.url}/events`, {
    method: "POST",
    body: JSON.stringify([event({ user_id: "planted-user" })]),
    headers: { "x-api-key": KEY, traceparent: `00-${TRACE}-b7ad6b7169203331-01` }
  })
  expect(answer.status).toBe(202)
  expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
  expect(paths).toEqual(new Set(["/v1/traces"]))
  expect(exported).toContain(TRACE)
  expect(exported).toContain('"millrace"')
  for (const secret of [KEY, "planted-user"]) expect(exported).not.toContain(secret)
  collector.close()
  rmSync(directory, { recursive: true, force: true })
}, 120_000)
