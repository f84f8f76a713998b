import { connect } from "node:net"
import { brotliCompressSync, constants, gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startProcess, type ServerProcess } from "./support/child.ts"
import { event } from "./support/events.ts"
import { rawRequest } from "./support/raw.ts"
import { memory, reply, startServer, temporaryDirectory, type TestServer } from "./support/server.ts"

const MIB = 1024 * 1024
const isProblem = (code: string) => `urn:millrace:problem:${code}`

let server: TestServer
beforeAll(async () => {
  server = await startServer({
    adapters: memory,
    maxInFlightBytes: 8 * MIB,
    timeLimits: { headersTimeout: 500, requestTimeout: 1_000, connectionsCheckingInterval: 100 }
  })
})
afterAll(() => server.close())

const withProperties = (json: string) =>
  `[${JSON.stringify(event()).replace('{"page":"/"}', json)},${JSON.stringify(event())}]`

describe("one bad event costs its neighbour nothing", () => {
  const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`

  it.each([
    ["\\u0000 in a value", String.raw`{"a":"\u0000"}`, "null_character", /^\/properties\/a$/u],
    ["\\u0000 in a key", String.raw`{"a\u0000":1}`, "null_character", /^\/properties\//u],
    ["a lone surrogate", String.raw`{"a":"\ud800"}`, "lone_surrogate", /^\/properties\/a$/u],
    ["a lone surrogate as key", String.raw`{"\udc00":1}`, "lone_surrogate", /^\/properties\//u],
    ["33 levels", deep(33), "too_deep", /^\/properties\//u],
    ["100,000 levels", deep(100_000), "too_deep", /^\/properties\//u],
    ["100,000 levels of arrays", `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "too_deep", /^\/properties\//u],
    ["1e400", '{"a":1e400}', "not_a_finite_number", /^\/properties\/a$/u],
    ["1e131071", '{"a":[1e131071]}', "not_a_finite_number", /^\/properties\/a\/0$/u],
    ["__proto__", '{"__proto__":{"admin":true}}', "forbidden_key", /^\/properties\//u],
    ["constructor", '{"a":{"constructor":1}}', "forbidden_key", /^\/properties\//u],
    ["65 KiB", `{"a":"${"x".repeat(65 * 1024)}"}`, "too_large", /^\/properties$/u]
  ])("%s", async (_, json, code, path) => {
    const { body, status } = await server.post(withProperties(json))
    expect([status, body.accepted]).toEqual([202, 1])
    expect(body.rejected).toHaveLength(1)
    expect(body.rejected[0]).toMatchObject({ index: 0, code })
    expect(body.rejected[0].path).toMatch(path)
    expect(({} as { admin?: boolean }).admin).toBe(undefined)
  })

  it("32 levels are accepted, and of a repeated key the last value", async () => {
    expect((await server.post(withProperties(deep(32)))).body.accepted).toBe(2)
    const twice = `[${JSON.stringify(event()).replace('"user_id":"user"', '"user_id":7,"user_id":"last"')}]`
    expect((await server.post(twice)).body.accepted).toBe(1)
  })
})

describe("bombs", () => {
  it.each([
    ["gzip", () => gzipSync(Buffer.alloc(200 * MIB, " "), { level: 9 })],
    ["br", () => brotliCompressSync(Buffer.alloc(200 * MIB, " "), { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })]
  ])("%s: 200 MiB of nothing are stopped at the bound, in memory too", async (encoding, make) => {
    const bomb = make()
    const before = process.memoryUsage().rss
    const { body, status } = await server.post(bomb, { "content-encoding": encoding })
    expect([status, body.type]).toEqual([413, isProblem("body_too_large")])
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MIB)
  })

  it("a body announced too large is refused before it is sent", async () => {
    const answer = await rawRequest(
      server.port,
      `POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${5 * MIB + 1}\r\nConnection: close\r\n\r\n`
    )
    expect(answer).toMatch(/^HTTP\/1.1 413 /u)
    expect(answer).toContain(isProblem("body_too_large"))
  })

  it("bodies over the budget of all requests are refused with Retry-After, and the budget comes back", async () => {
    // Two unfinished bodies hold most of it.
    const half = "x".repeat(4.5 * MIB)
    const open = [0, 1].map(() => {
      const socket = connect(server.port, "127.0.0.1")
      socket.on("error", () => {})
      socket.write(`POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${5 * MIB}\r\n\r\n${half}`)
      return socket
    })
    const answers = await Promise.all(
      open.map(
        (socket) =>
          new Promise<string>((resolve) => {
            let text = ""
            socket.on("data", (chunk) => {
              text += String(chunk)
            })
            socket.on("close", () => resolve(text))
          })
      )
    )
    const overloaded = answers.find((answer) => answer.includes(isProblem("overloaded")))
    expect(overloaded).toMatch(/^HTTP\/1.1 503 [\s\S]*retry-after: 1/u)
    expect((await server.post([event()])).status).toBe(202)
  })
})

describe("slow and broken clients", () => {
  it("slow headers are cut off", async () => {
    expect(await rawRequest(server.port, "POST /events HTTP/1.1\r\nHost: local")).toMatch(
      /^HTTP\/1.1 408 Request Timeout\r\n.*"urn:millrace:problem:request_timeout".*"status":408/su
    )
  })

  it("a slow body is cut off", async () => {
    const answer = await rawRequest(
      server.port,
      "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n["
    )
    expect(answer).toMatch(/^HTTP\/1.1 4\d\d /u)
  })

  it("an aborted body costs nothing but itself", async () => {
    await Promise.all(
      Array.from(
        { length: 50 },
        () =>
          new Promise<void>((resolve) => {
            const socket = connect(server.port, "127.0.0.1", () => {
              socket.write("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n[{")
              setTimeout(() => socket.destroy(), 20)
            })
            socket.on("close", () => resolve())
          })
      )
    )
    expect((await server.post([event()])).status).toBe(202)
  })

  it("what is no HTTP is answered with a problem", async () => {
    const answer = await rawRequest(server.port, "HELLO\r\n\r\n")
    expect(answer).toMatch(/^HTTP\/1.1 400 /u)
    expect(answer).toContain(isProblem("bad_request"))
    const headers = `GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${"a".repeat(20_000)}\r\n\r\n`
    expect(await rawRequest(server.port, headers)).toMatch(
      /^HTTP\/1.1 431 .*"urn:millrace:problem:headers_too_large"/su
    )
  })
})

describe("a flood of pipelined requests", () => {
  let flooded: ServerProcess
  const directory = temporaryDirectory()
  beforeAll(async () => {
    flooded = await startProcess(directory, { MILLRACE_QUEUE: "memory", MILLRACE_WAREHOUSE: "memory" })
  })
  afterAll(() => flooded.end("SIGKILL"))

  const residentBytes = async () => {
    const { readFileSync } = await import("node:fs")
    const pages = Number(readFileSync(`/proc/${flooded.process.pid}/statm`, "utf8").split(" ")[1])
    return pages * 4_096
  }

  it.skipIf(process.platform !== "linux")(
    "10,000 requests each on 20 connections that read nothing stay bounded in memory",
    async () => {
      const port = Number(new URL(flooded.url).port)
      const request = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
      const before = await residentBytes()
      const sockets = Array.from({ length: 20 }, () => {
        const socket = connect(port, "127.0.0.1")
        socket.on("error", () => {})
        socket.pause()
        socket.write(request.repeat(10_000))
        return socket
      })
      let highest = before
      for (let sample = 0; sample < 20; sample++) {
        await new Promise((resolve) => setTimeout(resolve, 50))
        highest = Math.max(highest, await residentBytes())
      }
      const answer = await reply(await fetch(`${flooded.url}/livez`))
      for (const socket of sockets) socket.destroy()
      expect(answer.status).toBe(200)
      console.log(`pipelining flood: at most ${Math.round((highest - before) / MIB)} MiB more`)
      expect(highest - before).toBeLessThan(256 * MIB)
    }
  )
})
