import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { type Check, check } from "./checks.ts"
import { until, useRig } from "./support/rig.ts"
import { spawnChild } from "./support/spawnChild.ts"

const rig = useRig()
const TIMEOUT_MILLIS = 120_000
const folder = mkdtempSync(join(tmpdir(), "millrace-client-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Ids = ReadonlyArray<string>

interface Held {
  readonly queued: number
  readonly dropped: number
  readonly sent: number
  readonly problems: object
  readonly heapBytes: number
}

/** Tracks 12 events that nothing has sent when the process ends in its way. */
const endBy = async (name: Check, mode: string, signal?: NodeJS.Signals) => {
  const door = await rig.door()
  const child = spawnChild([mode, door.url, check(name)])
  const ids = (await child.line(0)) as Ids
  if (signal) child.process.kill(signal)
  const ended = await child.ended
  expect(ids).toHaveLength(12)
  await rig.expectExactly(check(name), ids)
  expect(door.copies().size).toBe(12)
  return ended
}

it(
  `check ${check("natural end")}`,
  async () => {
    expect(await endBy("natural end", "natural")).toEqual({ code: 0, signal: null, stderr: "" })
  },
  TIMEOUT_MILLIS
)

it(
  `check ${check("process.exit")}`,
  async () => {
    expect(await endBy("process.exit", "exit")).toEqual({ code: 3, signal: null, stderr: "" })
  },
  TIMEOUT_MILLIS
)

it(
  `check ${check("SIGTERM")}`,
  async () => {
    // The signal still acts: the process ends by it.
    expect(await endBy("SIGTERM", "wait", "SIGTERM")).toEqual({ code: null, signal: "SIGTERM", stderr: "" })
  },
  TIMEOUT_MILLIS
)

it(
  `check ${check("uncaught throw")}`,
  async () => {
    const { code, stderr } = await endBy("uncaught throw", "throw")
    expect(code).toBe(1)
    expect(stderr).toContain("nobody catches this")
  },
  TIMEOUT_MILLIS
)

it(
  "process.exit during a request that got no answer: everything arrives, copies share their ids",
  async () => {
    const type = "exit mid-flush"
    const door = await rig.door((n) => (n === 0 ? "hang" : undefined))
    const child = spawnChild([type, door.url, type])
    const ids = [...((await child.line(0)) as Ids), ...((await child.line(1)) as Ids)]
    await until("the first request is there", () => door.seen.length === 1)
    child.process.kill("SIGUSR2")
    expect((await child.ended).code).toBe(0)
    await rig.expectExactly(type, ids)
  },
  TIMEOUT_MILLIS
)

it(
  `check ${check("100k burst healthy")}`,
  async () => {
    const door = await rig.door()
    const child = spawnChild(["burst", door.url, check("100k burst healthy")])
    expect(await child.line(0)).toEqual({ queued: 0, sent: 100_000, dropped: 0, problems: {} })
    expect((await child.ended).code).toBe(0)
    expect((await rig.stored(check("100k burst healthy"))).size).toBe(100_000)
  },
  TIMEOUT_MILLIS
)

it(
  `check ${check("100k against a hung server with a heap cap")}`,
  async () => {
    const name = check("100k against a hung server with a heap cap")
    const door = await rig.door(() => "hang")
    const child = spawnChild(["hung", door.url, name], ["--max-old-space-size=64"])
    const held = (await child.line(0)) as Held
    const heapMegabytes = Math.round(held.heapBytes / 2 ** 20)
    console.log(
      `hung server, heap capped: ${held.queued} held, ${held.dropped} dropped and counted, ${heapMegabytes} MiB of heap`
    )
    expect(held.sent).toBe(0)
    expect(held.queued + held.dropped).toBe(100_000)
    // That the server does not answer is told too, without an event, once a request has run out of its time.
    expect(held.problems).toMatchObject({ queue_full: held.dropped })
    expect(held.queued).toBeGreaterThan(10_000)
    door.plan = () => undefined
    child.process.kill("SIGUSR2")
    expect(await child.line(1)).toMatchObject({ queued: 0, sent: held.queued, dropped: held.dropped })
    expect((await child.ended).code).toBe(0)
    expect((await rig.stored(name)).size).toBe(held.queued)
  },
  TIMEOUT_MILLIS
)

it(
  "a queue folder survives SIGKILL: the next process delivers what the dead one held",
  async () => {
    const type = "queue folder"
    const door = await rig.door((n) => (n === 0 ? "reset" : undefined))
    await door.shut()
    const child = spawnChild(["wait", door.url, type, folder])
    const ids = (await child.line(0)) as Ids
    child.process.kill("SIGKILL")
    await child.ended
    await door.open()
    const heir = spawnChild(["adopt", door.url, type, folder])
    expect(await heir.line(0)).toEqual({ queued: 0, sent: 12, dropped: 0 })
    expect((await heir.ended).code).toBe(0)
    await rig.expectExactly(type, ids)
    // Nothing is left to be sent again.
    const later = spawnChild(["adopt", door.url, type, folder])
    expect(await later.line(0)).toEqual({ queued: 0, sent: 0, dropped: 0 })
    await later.ended
    expect(readdirSync(folder).length).toBeLessThanOrEqual(2)
  },
  TIMEOUT_MILLIS
)
