import { randomUUID } from "node:crypto"
import { cpSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { millrace, ok, temporaryFolder } from "./support/cli.ts"

const temporary = temporaryFolder()
const at = (...names: ReadonlyArray<string>) => join(temporary.path, ...names)
afterAll(() => temporary.remove())

const MILLIS = 240_000
const EVENTS = 20
/** More than a segment of the log holds, so that one is pruned. */
const LARGE = { events: 1_300, padding: 60_000 }

const importEvents = async (name: string, { events, padding }: typeof LARGE) => {
  const line = (index: number) =>
    JSON.stringify({
      event_id: randomUUID(),
      user_id: `user-${index % 10}`,
      event_type: name,
      occurred_at: "2026-01-01T00:00:00Z",
      properties: { padding: "x".repeat(padding) }
    })
  writeFileSync(at(`${name}.ndjson`), Array.from({ length: events }, (_, index) => `${line(index)}\n`).join(""))
  await ok(["import", at(`${name}.ndjson`), "--json", "--data", at("data")])
}

/** Of `part` of one folder into another one. */
const put = (part: "log" | "warehouse.duckdb", from: string, to: string) => {
  for (const name of readdirSync(to).filter((file) => file.startsWith(part)))
    rmSync(join(to, name), { recursive: true })
  cpSync(join(from, part), join(to, part), { recursive: true })
}

const ledger = async () => JSON.parse(await ok(["ledger", "--json", "--data", at("data")])) as Record<string, number>
const reconcile = (...args: ReadonlyArray<string>) => millrace(["reconcile", "--data", at("data"), ...args])

/** What a command is told that would open the folder. */
const expectRefused = async (args: ReadonlyArray<string>, problem: string, advice: string) => {
  const { code, stderr } = await millrace([...args, "--data", at("data")])
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(problem) })
  expect(stderr).toContain(`nothing is loaded until millrace ${advice} or a restore`)
}

beforeAll(async () => {
  await importEvents("early", { events: EVENTS, padding: 1 })
  cpSync(at("data"), at("old"), { recursive: true })
  await importEvents("late", LARGE)
}, MILLIS)

it(
  "a warehouse older than its log: refused with the command that goes on, after which the ledger says what is given up",
  async () => {
    put("warehouse.duckdb", at("old"), at("data"))
    await expectRefused(
      ["serve", "--port", "0"],
      "the store has pruned what the warehouse has not loaded",
      "reconcile --skip"
    )
    expect(JSON.parse((await reconcile("--skip", "--json")).stdout)).toEqual({ resolved: ["gap"] })
    const { difference, lost } = await ledger()
    expect(difference).toBe(0)
    expect(lost).toBeGreaterThan(0)
  },
  MILLIS
)

it(
  "a log older than its warehouse: the same; reloaded, the ledger counts what the log has",
  async () => {
    put("log", at("old"), at("data"))
    const problem = "the store is older than the warehouse that was filled from it"
    await expectRefused(["ledger"], problem, "reconcile --reload")
    expect((await millrace(["doctor", "--data", at("data")])).stdout).toContain("see Store and warehouse apart")
    await expectRefused(["reconcile", "--skip"], problem, "reconcile --reload")
    expect((await reconcile("--reload")).stdout).toBe(
      `${at("data")}: store and warehouse go on together (store went back); start the server\n`
    )
    // A start loads it, and finds that it is there.
    await ok(["backup", at("copy"), "--data", at("data")])
    expect(await ledger()).toMatchObject({ accepted: EVENTS, stored: EVENTS, lost: 0, difference: 0 })
  },
  MILLIS
)
