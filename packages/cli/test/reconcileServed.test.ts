import { randomUUID } from "node:crypto"
import { join } from "node:path"
import { postgres, putAside } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { afterAll, afterEach, expect, it, vi } from "vitest"
import { millrace, ok, serve, type Serving, temporaryFolder } from "./support/cli.ts"

const temporary = temporaryFolder()
const at = (...names: ReadonlyArray<string>) => join(temporary.path, ...names)
const MILLIS = 240_000
const EVENTS = 20

const running: Array<Serving> = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ end }) => end("SIGKILL")))
  vi.unstubAllEnvs()
})
afterAll(() => temporary.remove())

const started = async (folder: string) => {
  const server = await serve(folder)
  running.push(server)
  return server
}

const ask = async ({ url }: Serving, path: string, init: RequestInit = {}) => {
  const response = await fetch(`${url}${path}`, init)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const send = async (server: Serving, name: string) => {
  const events = Array.from({ length: EVENTS }, (_, index) => ({
    event_id: randomUUID(),
    user_id: `user-${index % 4}`,
    event_type: name,
    occurred_at: new Date().toISOString()
  }))
  const headers = { "content-type": "application/json" }
  return ask(server, "/events", { method: "POST", body: JSON.stringify(events), headers })
}

/** Until `holds` of the answer. */
const waitFor = async (server: Serving, path: string, holds: (body: Record<string, unknown>) => boolean) => {
  while (true) {
    const answer = await ask(server, path)
    if (holds(answer.body)) return answer
  }
}

const settled = (server: Serving) =>
  waitFor(server, "/ledger", ({ in_flight, stored }) => in_flight === 0 && Number(stored) > 0)

/** What a server tells whose load has stopped until somebody decides. */
const expectStopped = async (server: Serving, problem: string) => {
  const ledger = await waitFor(server, "/ledger", ({ stopped }) => stopped !== undefined)
  expect(ledger.body["stopped"]).toContain(problem)
  expect(await ask(server, "/readyz")).toMatchObject({
    status: 503,
    body: {
      status: "not_ready",
      loops: [{ name: "load", trouble: "failing", error: "EventStoreError/StoreMismatch" }]
    }
  })
}

/** By SIGTERM; its log has named the cause. */
const expectLogged = async (server: Serving, problem: string) => {
  const { code, stderr } = await server.end("SIGTERM")
  expect(code).toBe(0)
  const lines = stderr
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const failed = lines.filter(({ loop, msg }) => loop === "load" && String(msg).startsWith("load failed"))
  expect(failed.map((line) => line["error.message"])).toContainEqual(expect.stringContaining(problem))
  expect(failed.at(-1)).toMatchObject({ level: "warn", "error.type": "EventStoreError/StoreMismatch" })
}

await describeWithService("reconcile by command, and what a server tells that needs it", postgres(), (database) => {
  const places = async () => {
    const url = await database().createDatabase()
    vi.stubEnv("MILLRACE_QUEUE", "none")
    vi.stubEnv("MILLRACE_POSTGRES_URL", url)
    return url
  }

  it(
    "a database put back under a server stops its load, which /ledger, /readyz and log say; reloaded, it goes on",
    async () => {
      const url = await places()
      const folder = at("one")
      let server = await started(folder)
      await send(server, "kept")
      await settled(server)
      await server.end("SIGTERM")
      const goBack = await putAside(url)
      server = await started(folder)
      await send(server, "gone")
      await waitFor(server, "/ledger", ({ stored }) => stored === 2 * EVENTS)
      await goBack()
      const problem = "nothing is loaded until millrace reconcile --reload or a restore"
      while ((await send(server, "new")).status !== 202);
      await expectStopped(server, problem)
      await expectLogged(server, problem)
      const refused = await millrace(["serve", "--port", "0", "--data", folder])
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(problem)])
      expect(await ok(["reconcile", "--reload", "--data", folder])).toContain("(store went back); start the server")
      server = await started(folder)
      expect((await settled(server)).body).toMatchObject({ accepted: 2 * EVENTS, stored: 2 * EVENTS, difference: 0 })
    },
    MILLIS
  )

  it(
    "a second folder is refused until it takes over; the first stops, and an erasure waits until it is forgotten",
    async () => {
      await places()
      const [first, second] = [at("first"), at("second")]
      const former = await started(first)
      await send(former, "one")
      await settled(former)
      const refused = await millrace(["serve", "--port", "0", "--data", second])
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("millrace reconcile --take-over")])
      expect((await ask(former, "/readyz")).status).toBe(200)
      expect(await ok(["reconcile", "--take-over", "--data", second])).toContain("(other warehouse)")
      const owner = await started(second)
      const problem = "another process, or a copy of this folder, has since begun"
      await expectStopped(former, problem)
      await expectLogged(former, problem)
      expect((await settled(owner)).body).toMatchObject({ accepted: EVENTS, stored: EVENTS, lost: 0, difference: 0 })
      const erase = () => millrace(["erase", "--user", "user-1", "--yes", "--json", "--url", owner.url])
      const incomplete = await erase()
      const { other_warehouses } = JSON.parse(incomplete.stdout) as { other_warehouses: ReadonlyArray<string> }
      expect([incomplete.code, other_warehouses.length]).toEqual([1, 1])
      await owner.end("SIGTERM")
      const forget = (id: string) => millrace(["reconcile", "--forget", id, "--data", second])
      const stranger = await forget("nobody")
      expect([stranger.code, stranger.stderr]).toEqual([1, "millrace: the store knows of no other warehouse nobody\n"])
      expect((await forget(other_warehouses[0]!)).code).toBe(0)
      const again = await started(second)
      const complete = await millrace(["erase", "--user", "user-1", "--yes", "--json", "--url", again.url])
      expect([complete.code, JSON.parse(complete.stdout)]).toEqual([0, expect.objectContaining({ complete: true })])
    },
    MILLIS
  )
})
