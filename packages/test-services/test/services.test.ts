import { existsSync, readdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { connect } from "node:net"
import { Effect } from "effect"
import pg from "pg"
import { afterEach, describe, expect, it, vi } from "vitest"
import { nats, postgres, redis, scopedServer, type TestServer } from "../src/index.ts"
import { makeService } from "../src/service.ts"
import { describeWithService } from "../src/vitest.ts"

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port })
    const end = (is: boolean) => {
      socket.destroy()
      resolve(is)
    }
    socket.once("connect", () => end(true))
    socket.once("error", () => end(false))
  })

const isAlive = (pid: number) => existsSync(`/proc/${pid}`)

const restartLaw = (server: () => TestServer) =>
  it("kill ends it, start brings it back on the same port", async () => {
    const { pid, port } = server()
    await server().kill()
    expect(await answers(port)).toBe(false)
    await server().start()
    expect(await answers(port)).toBe(true)
    expect(server().pid).not.toBe(pid)
  })

const query = async (url: string, text: string): Promise<ReadonlyArray<unknown>> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

await describeWithService("postgres", postgres(), (server, { owned }) => {
  it("each database is new and empty", async () => {
    const [first, second] = await Promise.all([server().createDatabase(), server().createDatabase()])
    await query(first, "CREATE TABLE t (n int)")
    expect(await query(second, "SELECT to_regclass('t') AS found")).toStrictEqual([{ found: null }])
  })
  if (!owned) return
  it("what was committed is there after a kill", async () => {
    const url = await server().createDatabase()
    await query(url, "CREATE TABLE t AS SELECT 7 AS n")
    await server().kill()
    await server().start()
    expect(await query(url, "SELECT n FROM t")).toStrictEqual([{ n: 7 }])
  })
  it("a paused server answers nothing until it is resumed", async () => {
    server().pause()
    const answer = query(server().url, "SELECT 1 AS n")
    const early = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 200, "nothing"))])
    expect(early).toBe("nothing")
    server().resume()
    expect(await answer).toStrictEqual([{ n: 1 }])
  })
  restartLaw(server)
})

await describeWithService("nats", nats(), (server, { owned }) => {
  if (owned) restartLaw(server)
})

/** What a NATS server says of itself first. */
const infoOf = (port: number): Promise<Record<string, unknown>> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port })
    socket.once("error", reject)
    socket.once("data", (chunk) => {
      socket.destroy()
      resolve(JSON.parse(chunk.toString().slice("INFO ".length)))
    })
  })

for (const version of ["2.9", "2.10"]) {
  const service = nats({ version, maxPayloadBytes: 2_000_000, syncAlways: version !== "2.9" })
  await describeWithService(`nats ${version}`, service, (server, { owned }) => {
    if (!owned) return
    it("is the version and has the limits asked for", async () => {
      const info = await infoOf(server().port)
      expect(info).toMatchObject({ jetstream: true, max_payload: 2_000_000 })
      expect(String(info["version"]).startsWith(`${version}.`)).toBe(true)
    })
  })
}

await describeWithService("redis", redis(), (server, { owned }) => {
  if (owned) restartLaw(server)
})

await describeWithService("close", postgres(), (_, { owned }) => {
  if (!owned) return
  it("leaves neither a process nor a folder", async () => {
    const own = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`millrace-test-${process.pid}-`)).length
    const before = own()
    const server = await postgres().start()
    const { pid } = server
    expect(own()).toBe(before + 1)
    await server.close()
    expect(own()).toBe(before)
    expect(isAlive(pid!)).toBe(false)
  })
})

await describeWithService("scopedServer", nats(), (_, { owned }) => {
  if (!owned) return
  it("lives as long as its scope", async () => {
    const port = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const server = yield* scopedServer(nats())
          expect(yield* Effect.promise(() => answers(server.port))).toBe(true)
          return server.port
        })
      )
    )
    expect(await answers(port)).toBe(false)
  })
})

describe("locate", () => {
  afterEach(() => vi.unstubAllEnvs())
  const service = (programs: ReadonlyArray<() => never>) =>
    makeService({
      name: "nothing",
      variable: "MILLRACE_TEST_NOTHING_URL",
      programs,
      command: () => Promise.reject(new Error("not asked for")),
      ping: (url) => (url === "up://" ? Promise.resolve() : Promise.reject(new Error(`${url} is down`)))
    })
  const missing = (reason: string) => () => {
    throw new Error(reason)
  }

  it("names every place that was searched", async () => {
    const located = await service([missing("not here"), missing("nor there")]).locate()
    expect(located).toStrictEqual({ _tag: "Missing", reason: "not here; nor there" })
  })
  it("the environment comes first and is not ours to kill", async () => {
    vi.stubEnv("MILLRACE_TEST_NOTHING_URL", "up://")
    expect(await service([]).locate()).toMatchObject({ _tag: "Found", owned: false })
    await expect((await service([]).start()).kill()).rejects.toThrow("not this test's to control")
  })
  it("a named server that is down is missing, not replaced", async () => {
    vi.stubEnv("MILLRACE_TEST_NOTHING_URL", "down://")
    expect(await service([]).locate()).toStrictEqual({ _tag: "Missing", reason: "down:// is down" })
  })
})
