import { createMillrace } from "../src/index.ts"
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { event } from "./support/events.ts"
import { rawRequest } from "./support/raw.ts"
import { memory, problemOf, startServer, type TestServer } from "./support/server.ts"

let server: TestServer
beforeAll(async () => {
  server = await startServer({ adapters: memory })
})
afterAll(() => server.close())

describe("a path has one spelling, so that a proxy can keep it from outside", () => {
  const others = ["/METRICS", "/Metrics", "/metrics/", "//metrics", "/metrics//"]

  it.each(others)("%s is nobody's", async (path) => {
    expect(problemOf(await server.get(path))).toEqual([404, "not_found"])
  })

  /** The contract's paths, as they are asked for. */
  const PATHS = ["/metrics", "/readyz", "/livez", "/ledger", "/events", "/stats/dau", "/users/ann", "/users/ann/events"]
  const hex = (character: string) => `%${character.charCodeAt(0).toString(16)}`
  /** Every way to write a path that somebody decodes, cuts or cleans to it. */
  const spellingsOf = (path: string): ReadonlyArray<string> => {
    const fixed = path.replace(/\/ann/u, "").length
    const letters = Array.from({ length: fixed }, (_, at) => at).filter(
      (at) => at < path.indexOf("/ann") || !path.includes("/ann")
    )
    return [
      ...letters.map((at) => `${path.slice(0, at)}${hex(path[at]!)}${path.slice(at + 1)}`),
      ...letters.slice(1).map((at) => `${path.slice(0, at)}${path[at]!.toUpperCase()}${path.slice(at + 1)}`),
      ...letters.map((at) => `${path.slice(0, at)};x${path.slice(at)}`),
      ...letters.filter((at) => path[at] === "/").map((at) => `${path.slice(0, at)}/${path.slice(at)}`),
      ...[";x", ";", "/", "//", "/.", "/..", "%00", "%20", "%2f", "%3b", "%3f", "%", "\\"].map(
        (end) => `${path}${end}`
      ),
      `/.${path}`,
      `/x/..${path}`,
      `/%2e${path}`
    ].filter((spelling) => spelling !== path && !/^\/users\/ann(?:%00|%20|%2f|%3b|%3f)$/u.test(spelling))
  }
  const ask = (line: string) =>
    `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nOrigin: http://localhost:1\r\n\r\n`

  it.each(PATHS)("any other spelling of %s reaches no handler, by any method", async (path) => {
    for (const spelling of spellingsOf(path)) {
      for (const method of ["GET", "DELETE", "OPTIONS"]) {
        const answer = await rawRequest(server.port, ask(`${method} ${spelling}`))
        // 400: not even a path.
        expect(`${method} ${spelling} ${answer.slice(0, 12)}`).toMatch(/ HTTP\/1\.1 40[04]$/u)
        expect(answer).not.toMatch(/access-control-allow/iu)
      }
    }
  })

  it("for the fetch handler too", async () => {
    const millrace = await createMillrace({ basePath: "/inside", open: true })
    expect((await millrace.fetch(new Request("http://localhost/inside/metrics"))).status).toBe(200)
    for (const path of others) {
      expect((await millrace.fetch(new Request(`http://localhost/inside${path}`))).status).toBe(404)
    }
    await millrace.close()
  })
})

describe("a request names its host once", () => {
  it.each([
    ["two", "GET /livez HTTP/1.1\r\nHost: localhost\r\nhost: elsewhere\r\n\r\n"],
    ["none", "GET /livez HTTP/1.1\r\n\r\n"]
  ])("%s: 400, and the connection ends", async (_, request) => {
    const answer = await rawRequest(server.port, request)
    expect(answer).toMatch(/^HTTP\/1.1 400 .*application\/problem\+json.*urn:millrace:problem:bad_request/su)
  })
})

it("a compressed body is understood for events, and refused elsewhere instead of parsed as it is", async () => {
  const gzip = { "content-encoding": "gzip" }
  expect((await server.post(gzipSync(JSON.stringify([event()])), gzip)).status).toBe(202)
  for (const body of [gzipSync('{"metric":"dau"}'), '{"metric":"dau"}']) {
    expect(problemOf(await server.post(body, gzip, "/stats/query"))).toEqual([415, "unsupported_encoding"])
  }
})

it("the page says its charset, and a method it does not take is answered with a problem", async () => {
  expect((await server.get("/docs")).headers.get("content-type")).toBe("text/html; charset=utf-8")
  expect(problemOf(await server.post("", {}, "/docs"))).toEqual([405, "method_not_allowed"])
})
