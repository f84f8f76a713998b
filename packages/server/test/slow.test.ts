import { rmSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { afterAll, expect, it } from "vitest"
import { type ServerProcess, startProcess } from "./support/child.ts"
import { event } from "./support/events.ts"
import { temporaryDirectory } from "./support/server.ts"

const directory = temporaryDirectory()
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const IDLE = 2_000
const SLOW = 200
const CLIENTS = 8
const BATCHES = Number(process.env["MILLRACE_SLOW_BATCHES"] ?? 400)
const DRIP_MILLIS = 200

const sockets: Array<Socket> = []
const drips: Array<NodeJS.Timeout> = []

const open = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      // The server may end it whenever it likes: that is what is wanted.
      socket.off("error", reject).on("error", () => {})
      sockets.push(socket)
      resolve(socket)
    }).once("error", reject)
  })

/** One byte now and then, for as long as the server lets it. */
const drip = (socket: Socket, text: string) => {
  let sent = 0
  drips.push(setInterval(() => socket.writable && socket.write(text[sent++ % text.length]!), DRIP_MILLIS))
}

const attack = async ({ url }: ServerProcess) => {
  const port = Number(new URL(url).port)
  for (let opened = 0; opened < IDLE; opened++) await open(port)
  for (let opened = 0; opened < SLOW; opened++) {
    const headers = await open(port)
    headers.write("POST /events HTTP/1.1\r\nhost: localhost\r\n")
    drip(headers, "x-slow: aaaaaaaaaaaaaaaaaaaaaaaa\r\n")
    const body = await open(port)
    body.write(
      "POST /events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n["
    )
    drip(body, " ")
  }
}

/** Batches a second by others, every one of them accepted. */
const ingest = async ({ url }: ServerProcess) => {
  let left = BATCHES
  const start = performance.now()
  const client = async () => {
    while (left-- > 0) {
      const body = JSON.stringify(Array.from({ length: 100 }, () => event()))
      const answer = await fetch(`${url}/events`, { method: "POST", body })
      expect([answer.status, ((await answer.json()) as { accepted: number }).accepted]).toEqual([202, 100])
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  return BATCHES / ((performance.now() - start) / 1000)
}

it(`under ${IDLE} idle connections, ${SLOW} slow headers and ${SLOW} slow bodies ingest by others goes on`, async () => {
  const server = await startProcess(directory)
  await ingest(server)
  const alone = await ingest(server)
  await attack(server)
  const attacked = await ingest(server)
  console.log(
    `slow clients: ${attacked.toFixed(0)} batches/s of ${alone.toFixed(0)}, ratio ${(attacked / alone).toFixed(2)}`
  )
  for (const timer of drips) clearInterval(timer)
  for (const socket of sockets) socket.destroy()
  expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
}, 240_000)
