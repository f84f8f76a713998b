import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { endlessQuestions } from "./support/endless.ts"
import { memory, startServer, type TestServer } from "./support/server.ts"

const closers: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

const start = async (options: Parameters<typeof startServer>[0]): Promise<TestServer> => {
  const server = await startServer(options)
  closers.push(server.close)
  return server
}

/** DuckDB with one connection and no time-out worth the name, in which trends never end. */
const withoutEnd = () => {
  let asked = () => {}
  const running = new Promise<void>((resolve) => (asked = resolve))
  return { running, adapters: endlessQuestions({ concurrentQueries: 1, queryTimeoutMillis: 3_600_000 }, () => asked()) }
}

const KEYS = "endless:read:endless-key-0123456789,shop:read:shop-key-0123456789"
const DAY = "/stats/dau?from=2026-01-31&to=2026-01-31"
const shop = { authorization: "Bearer shop-key-0123456789" }

const BURNT_MICROS = 300_000

/** Asks the endless question, and goes away once it is at the warehouse. */
const askAndGo = async ({ port }: TestServer, running: Promise<void>) => {
  const socket: Socket = connect(port, "127.0.0.1")
  await once(socket, "connect")
  socket.write(`GET ${DAY} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer endless-key-0123456789\r\n\r\n`)
  await running
  // The question burns a core, and nothing else here does.
  const before = process.cpuUsage()
  while (process.cpuUsage(before).user < BURNT_MICROS) await new Promise((resolve) => setTimeout(resolve, 10))
  socket.destroy()
}

describe("a client that goes away stops its question, and the warehouse's only connection answers the next one", () => {
  it("at the server that has the warehouse", async () => {
    const { adapters, running } = withoutEnd()
    const server = await start({ adapters, keys: KEYS })
    await askAndGo(server, running)
    expect((await server.get(DAY, shop)).status).toBe(200)
  })

  it("through a server that passes questions on", async () => {
    const { adapters, running } = withoutEnd()
    const owner = await start({ adapters, keys: KEYS })
    const door = await start({ adapters: memory, keys: KEYS, roles: ["ingest"], statsUrl: new URL(owner.url) })
    await askAndGo(door, running)
    expect((await door.get(DAY, shop)).status).toBe(200)
  })
})

it("connections beyond the cap are closed unread, and one that ends makes room", async () => {
  const server = await start({ adapters: memory, maxConnections: 3 })
  const open = async () => {
    const socket = connect(server.port, "127.0.0.1").on("error", () => {})
    await once(socket, "connect")
    return socket
  }
  const answered = async (socket: Socket) => {
    socket.write("GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
    const [what] = (await Promise.race([once(socket, "data"), once(socket, "close")])) as [unknown]
    return what instanceof Buffer && what.includes("200 OK")
  }
  const held = [await open(), await open(), await open()]
  expect(await Promise.all(held.map(answered))).toEqual([true, true, true])
  expect(await answered(await open())).toBe(false)
  held[0]!.destroy()
  // The server learns of it a moment later.
  while (!(await answered(await open())));
  for (const socket of held) socket.destroy()
})
