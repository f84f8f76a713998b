import { once } from "node:events"
import { rmSync } from "node:fs"
import { type IncomingMessage, request as httpRequest } from "node:http"
import { connect } from "node:net"
import { afterEach, expect, it } from "vitest"
import { startProcess } from "./support/child.ts"
import { event } from "./support/events.ts"
import { reply, temporaryDirectory } from "./support/server.ts"

const directories: Array<string> = []
const directory = () => {
  const made = temporaryDirectory()
  directories.push(made)
  return made
}
afterEach(() => {
  for (const made of directories.splice(0)) rmSync(made, { recursive: true, force: true })
})

const send = (url: string, count: number) =>
  fetch(`${url}/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(Array.from({ length: count }, () => event()))
  }).then(reply)

const usersOn = async (url: string) =>
  (await reply(await fetch(`${url}/stats/top-events?from=2026-01-31&to=2026-01-31`))).body.rows

it("SIGTERM: exit code 0, and every acknowledged event is counted before the process ends", async () => {
  const data = directory()
  const first = await startProcess(data)
  expect(first.lines).toHaveLength(1)
  expect((await send(first.url, 500)).body.accepted).toBe(500)
  expect(await first.end("SIGTERM")).toEqual({ code: 0, signal: null })
  // No waiting: what the first process accepted is in the warehouse already.
  const second = await startProcess(data)
  expect(await usersOn(second.url)).toEqual([{ event_type: "visit", events: 500, users: 1 }])
  expect(await second.end("SIGINT")).toEqual({ code: 0, signal: null })
})

/** Longer than a request takes on a busy machine. */
const GRACE = { MILLRACE_CLOSE_GRACE_MILLIS: "1500" }

/** A request of one event whose body is held back once the server has it open; `finish` sends the body. */
const openRequest = async (url: string) => {
  const body = JSON.stringify([event()])
  const headers = { "content-type": "application/json", "content-length": body.length, expect: "100-continue" }
  const request = httpRequest(`${url}/events`, { method: "POST", headers })
  request.flushHeaders()
  await once(request, "continue")
  return {
    finish: async () => {
      request.end(body)
      const [answer] = (await once(request, "response")) as [IncomingMessage]
      answer.resume()
      return answer
    }
  }
}

const untilNotReady = async (url: string) => {
  while (true) {
    const answer = await reply(await fetch(`${url}/readyz`))
    if (answer.status !== 200) return answer
  }
}

it("SIGTERM: first readyz refuses, requests are still served, then the process ends", async () => {
  const data = directory()
  const first = await startProcess(data, GRACE)
  expect((await fetch(`${first.url}/readyz`)).status).toBe(200)
  const open = await openRequest(first.url)
  const ended = first.end("SIGTERM")
  const { body, status } = await untilNotReady(first.url)
  expect(status).toBe(503)
  expect(body).toMatchObject({ status: "not_ready", queue: { writable: true }, warehouse: { reachable: true } })
  expect((await fetch(`${first.url}/livez`)).status).toBe(200)
  const late = await send(first.url, 1)
  expect([late.status, late.headers.get("connection")]).toEqual([202, "close"])
  const answer = await open.finish()
  expect([answer.statusCode, answer.headers["connection"]]).toEqual([202, "close"])
  expect(await ended).toEqual({ code: 0, signal: null })
  const second = await startProcess(data)
  expect(await usersOn(second.url)).toEqual([{ event_type: "visit", events: 2, users: 1 }])
  await second.end("SIGTERM")
})

it("SIGTERM: a request that is open when the listener closes is answered", async () => {
  const server = await startProcess(directory())
  const open = await openRequest(server.url)
  const ended = server.end("SIGTERM")
  while (await fetch(`${server.url}/livez`).catch(() => false));
  expect((await open.finish()).statusCode).toBe(202)
  expect(await ended).toEqual({ code: 0, signal: null })
})

it("SIGTERM under load: every request is answered, and all that was acknowledged is there, once", async () => {
  const data = directory()
  const first = await startProcess(data, GRACE)
  let acknowledged = 0
  // Each client goes on until an answer tells it to stop; a request without an answer fails the test.
  const client = async () => {
    while (true) {
      const answer = await send(first.url, 20)
      expect(answer.status).toBe(202)
      acknowledged += answer.body.accepted
      if (answer.headers.get("connection") === "close") return
    }
  }
  const clients = Promise.all(Array.from({ length: 8 }, client))
  await new Promise((resolve) => setTimeout(resolve, 300))
  const ended = first.end("SIGTERM")
  await clients
  expect(await ended).toEqual({ code: 0, signal: null })
  const second = await startProcess(data)
  const ledger = await reply(await fetch(`${second.url}/ledger`))
  expect(ledger.body).toMatchObject({ accepted: acknowledged, stored: acknowledged, in_flight: 0, difference: 0 })
  await second.end("SIGTERM")
})

it("a server that cannot start says why on one line and exits with 1", async () => {
  const refused = startProcess(directory(), { MILLRACE_HOST: "0.0.0.0" })
  await expect(refused).rejects.toThrow(/ended with 1: millrace: refusing to listen on 0\.0\.0\.0 without API keys/u)
  const misspelt = startProcess(directory(), { MILLRACE_QUEUE: "kafka" })
  await expect(misspelt).rejects.toThrow(/ended with 1: millrace: Expected .*MILLRACE_QUEUE.*\n$/u)
})

it("a second server on the same data is refused; the first goes on", async () => {
  const data = directory()
  const first = await startProcess(data)
  await expect(startProcess(data)).rejects.toThrow(/ended with 1/u)
  expect((await send(first.url, 1)).status).toBe(202)
  await first.end("SIGTERM")
})

it("a second signal ends the process at once with 130", async () => {
  const server = await startProcess(directory(), { ...GRACE, MILLRACE_QUEUE: "memory", MILLRACE_WAREHOUSE: "memory" })
  // A body that never ends keeps the first signal waiting.
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1")
  socket.on("error", () => {})
  await new Promise<void>((resolve) => {
    socket.write("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n[", () => resolve())
  })
  await reply(await fetch(`${server.url}/livez`))
  server.process.kill("SIGTERM")
  // Two that the process has not seen yet are one.
  while ((await fetch(`${server.url}/readyz`)).status === 200);
  expect(await server.end("SIGTERM")).toEqual({ code: 130, signal: null })
  socket.destroy()
})
