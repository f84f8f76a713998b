import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { afterEach, expect, it, vi } from "vitest"
import { createClient } from "../src/node/index.ts"
import { createClient as createPortable } from "../src/portable/index.ts"
import type { ClientProblem } from "../src/core/types.ts"
import { until, useRig } from "./support/rig.ts"

// As plain JavaScript has it: what TypeScript would refuse.
interface Untyped {
  readonly identify: (id: unknown) => void
  readonly track: (type: unknown, properties?: object, options?: object) => string
  readonly flush: () => Promise<void>
  readonly stats: () => object
}
const inJavaScript = createClient as unknown as (options: object) => Untyped

const rig = useRig()
afterEach(() => vi.restoreAllMocks())

it("ids that are numbers are sent as text", async () => {
  const client = inJavaScript({ host: rig.server().url, flushMillis: 10 })
  client.identify(12_345)
  const ids = [client.track("number ids"), client.track("number ids", {}, { userId: 7n })]
  await client.flush()
  const rows = await rig.expectExactly("number ids", ids)
  expect(ids.map((id) => rows.get(id)!.user_id)).toEqual(["12345", "7"])
  expect(client.stats()).toEqual({ queued: 0, sent: 3, dropped: 0 })
})

it("what can be no id identifies nobody, is said, and costs no other event", async () => {
  const problems: Array<ClientProblem> = []
  const onError = (problem: ClientProblem) => problems.push(problem)
  const client = inJavaScript({ host: rig.server().url, flushMillis: 10, onError })
  const wrong = [
    undefined,
    null,
    Number.NaN,
    {},
    ["a"],
    "",
    "undefined",
    " Null ",
    "[object Object]",
    '"undefined"',
    "(null)",
    "[object Promise]",
    "{}",
    "0".repeat(32)
  ]
  for (const id of wrong) client.identify(id)
  const ids = [client.track("nobody's ids")]
  await client.flush()
  await rig.expectExactly("nobody's ids", ids)
  expect(problems.map(({ code }) => code)).toEqual(wrong.map(() => "invalid"))
  expect(problems[0]!.message).toContain("undefined")
})

it("addresses are as people write them, or refused at once with the form that is meant", async () => {
  const { url } = rig.server()
  for (const host of [url, `${url}/`, `${url}///`, `${url}/events`, `${url}/events/`]) {
    const client = createClient({ host, flushMillis: 10 })
    const id = client.track("addresses")
    await client.flush()
    expect([host, client.stats()]).toEqual([host, { queued: 0, sent: 1, dropped: 0 }])
    expect((await rig.stored("addresses")).has(id)).toBe(true)
  }
  for (const host of [
    undefined,
    null,
    7,
    "",
    "/analytics",
    "127.0.0.1:4101",
    "localhost:4000",
    "events.example.com",
    "ftp://a",
    "http://"
  ]) {
    for (const create of [inJavaScript, ...(host === "" || host === "/analytics" ? [] : [createPortable as never])]) {
      expect(() => create({ host })).toThrow(/host must be like https:\/\/events\.example\.com/u)
    }
  }
})

it("with nobody listening, each kind of failure is said once on the console, with the server's sentence", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {})
  const door = await rig.door((n) =>
    n < 3
      ? { status: 401, body: JSON.stringify({ detail: "This API key is not known." }) }
      : n === 3
        ? "reset"
        : undefined
  )
  const client = createClient({ host: door.url, key: "wrong", flushMillis: 10, retryMillis: 5 })
  client.track("said once")
  await until("all is sent", () => client.stats().sent === 1)
  const said = warn.mock.calls.map((words) => words.join(" "))
  expect(said).toHaveLength(2)
  expect(said[0]).toBe("millrace: http_401 This API key is not known.")
  expect(said[1]).toMatch(/^millrace: network TypeError: fetch failed/u)
})

it("onError has the server's sentence, and hears of the network too", async () => {
  const problems: Array<ClientProblem> = []
  const door = await rig.door((n) => (n === 0 ? { status: 403, body: '{"detail":"Not yours."}' } : undefined))
  await door.shut()
  const client = createClient({
    host: door.url,
    flushMillis: 10,
    retryMillis: 5,
    onError: (problem) => problems.push(problem)
  })
  client.track("heard")
  await until("the network is said", () => problems.some(({ code }) => code === "network"))
  await door.open()
  await until("all is sent", () => client.stats().sent === 1)
  expect(problems.find(({ code }) => code === "http_403")).toMatchObject({
    status: 403,
    message: "Not yours.",
    eventIds: []
  })
  expect(client.stats().dropped).toBe(0)
})

it("debug tells what is queued and what the server said", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {})
  const client = createClient({ host: rig.server().url, flushMillis: 10, debug: true })
  client.track("narrated")
  await client.flush()
  const words = log.mock.calls.filter(([first]) => first === "millrace:").map(([, verb]) => verb)
  expect(words).toEqual(["queued", "sent"])
})

const INDEX = fileURLToPath(new URL("../src/node/index.ts", import.meta.url))

/** What a script prints that tracks one event and ends at once. */
const endWith = (options: object) =>
  new Promise<string>((resolve) => {
    const script = `import { createClient } from ${JSON.stringify(INDEX)}
createClient(${JSON.stringify(options)}).track("last words")`
    const args = ["--no-warnings", "--conditions=source", "--input-type=module", "-e", script]
    execFile(process.execPath, args, (_, stdout, stderr) => resolve(stdout + stderr))
  })

it("an event that is lost at the end of the process is said, with the reason", async () => {
  const door = await rig.door(() => ({ status: 401, body: '{"detail":"This API key is not known."}' }))
  expect(await endWith({ host: door.url, key: "wrong" })).toMatch(
    /millrace: undelivered 1 events .* are lost: the server answered 401: This API key is not known\./u
  )
  await door.shut()
  expect(await endWith({ host: door.url })).toMatch(/millrace: undelivered 1 events .* lost: .*ECONNREFUSED/u)
})

it("portable: nothing but fetch is needed, and the platform is told of each delivery", async () => {
  const deliveries: Array<Promise<unknown>> = []
  const client = createPortable({
    host: rig.server().url,
    userId: 7,
    waitUntil: (delivery) => void deliveries.push(delivery)
  })
  const ids = [client.track("portable"), client.track("portable")]
  expect(deliveries).toHaveLength(1)
  await Promise.all(deliveries)
  expect((await rig.expectExactly("portable", ids)).get(ids[0]!)).toMatchObject({ user_id: "7" })
})
