import { execFileSync } from "node:child_process"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
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

const linesOf = (stderr: string) =>
  stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)

const MEMORY = { MILLRACE_QUEUE: "memory", MILLRACE_WAREHOUSE: "memory" }

it.each(["SIGTERM", "SIGINT"] as const)(
  "the log tells the start, and by %s the end: why, and how long it took",
  async (signal) => {
    const server = await startProcess(directory(), MEMORY)
    expect(await server.end(signal)).toEqual({ code: 0, signal: null })
    const [started, stopping, stopped, ...rest] = linesOf(server.stderr())
    expect(rest).toEqual([])
    expect(started).toMatchObject({
      level: "info",
      msg: "started",
      version: expect.stringMatching(/^\d/u),
      address: server.url,
      roles: "ingest+worker+etl+stats",
      queue: "memory",
      store: "memory",
      warehouse: "memory",
      durability: "none"
    })
    expect(stopping).toMatchObject({ msg: "stopping", reason: signal })
    expect(stopped).toMatchObject({ msg: "stopped", duration_s: expect.any(Number) })
  }
)

/** Half a mebibyte. */
const FEW_BLOCKS = 1_024

it("a log that cannot be written ends the process with 1, after one line that names file and errno; the next start has all that was acknowledged", async () => {
  const data = directory()
  const embedded = { MILLRACE_WAREHOUSE: "memory" }
  await (await startProcess(data, embedded)).end("SIGTERM")
  const server = await startProcess(data, embedded, undefined, FEW_BLOCKS)
  let acknowledged = 0
  const post = async () => {
    const events = Array.from({ length: 50 }, () => event({ properties: { pad: "x".repeat(1_000) } }))
    const answer = await fetch(`${server.url}/events`, { method: "POST", body: JSON.stringify(events) }).then(reply)
    if (answer.status === 202) acknowledged += answer.body.accepted
    return answer.status === 202
  }
  while (await post().catch(() => false));
  expect(await server.ended).toEqual({ code: 1, signal: null })
  const fatal = linesOf(server.stderr()).filter(({ level }) => level === "fatal")
  expect(fatal).toMatchObject([{ file: expect.stringContaining(data), errno: "EFBIG" }])
  const next = await startProcess(data, embedded)
  const { body } = await reply(await fetch(`${next.url}/ledger`))
  expect(acknowledged).toBeGreaterThan(0)
  expect(body.accepted).toBeGreaterThanOrEqual(acknowledged)
  await next.end("SIGTERM")
})

const HOST = fileURLToPath(new URL("fixtures/brokenHost.ts", import.meta.url))

it("createMillrace on a disk that fails: a typed state that names the file; the program goes on, and nothing acknowledged is lost", async () => {
  const data = directory()
  // Its files are made while there is room.
  await (await startProcess(data, { MILLRACE_WAREHOUSE: "memory" })).end("SIGTERM")
  const limited = [
    `ulimit -f ${FEW_BLOCKS}; exec "$@"`,
    "sh",
    process.execPath,
    "--conditions=source",
    HOST,
    join(data, "log")
  ]
  // Behind what the program's own log says.
  const output = execFileSync("sh", ["-c", ...limited], { encoding: "utf8" })
  const told = JSON.parse(output.trim().split("\n").at(-1)!)
  const broken = { code: "queue_broken", retryable: false, message: expect.stringMatching(/log.*EFBIG/u) }
  expect(told).toEqual({ acknowledged: expect.any(Number), broken, again: broken, status: 503 })
  expect(told.acknowledged).toBeGreaterThan(0)
})
