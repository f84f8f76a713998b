import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { filesHolding } from "@millrace/testing"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import { ended, millrace, ok, start, temporaryFolder } from "./support/cli.ts"

const temporary = temporaryFolder()
const at = (...names: ReadonlyArray<string>) => join(temporary.path, ...names)
afterAll(() => {
  vi.unstubAllEnvs()
  temporary.remove()
})

const FILE = at("events.csv")
const EVENTS = 200
const GONE = "gone-4711"
const MILLIS = 120_000

beforeAll(() => {
  const rows = Array.from(
    { length: EVENTS },
    (_, index) =>
      `${index % 10 === 0 ? GONE : `user-${index % 7}`},2026-01-01T00:00:${String(index % 60).padStart(2, "0")}Z,${index}`
  )
  writeFileSync(FILE, `user_id,occurred_at,n\n${rows.join("\n")}\n`)
})

const importAt = (...place: ReadonlyArray<string>) =>
  ok(["import", FILE, "--event-type-value", "visit", "--json", ...place])
const ledgerOf = async (folder: string): Promise<unknown> =>
  JSON.parse(await ok(["ledger", "--json", "--data", folder]))

it(
  "a folder: what is restored has its events and keys, but nobody's session; a repeated import adds nothing, and nobody who was erased",
  async () => {
    await importAt("--data", at("data"))
    await ok(["erase", "--user", GONE, "--data", at("data")])
    await ok(["keys", "create", "--data", at("data"), "--project", "shop", "--scope", "read"])
    writeFileSync(at("data", "keys", "session-key"), "0".repeat(64))
    const taken: unknown = JSON.parse(await ok(["backup", at("copy"), "--data", at("data"), "--json"]))
    expect(await ok(["restore", at("copy"), "--data", at("back")])).toMatch(/: as of 20.*each as it was backed up\n$/u)
    expect(taken).toMatchObject({ taken_at: expect.any(String) as unknown, files: expect.any(Number) as unknown })
    expect(readdirSync(at("back", "keys")).toSorted()).toEqual(["keys.ndjson", "pepper"])
    expect(await ok(["keys", "list", "--data", at("back"), "--json"])).toBe(
      await ok(["keys", "list", "--data", at("data"), "--json"])
    )
    const before = await ledgerOf(at("data"))
    expect(before).toMatchObject({ stored: EVENTS, difference: 0 })
    expect(await ledgerOf(at("back"))).toEqual(before)
    await importAt("--data", at("back"))
    expect(filesHolding(at("back"), [GONE])).toEqual([])
    expect(await ledgerOf(at("back"))).toMatchObject({ stored: EVENTS, duplicates: EVENTS, difference: 0 })
  },
  MILLIS
)

it(
  "what cannot be done ends with 1 and the file's name; nothing is written",
  async () => {
    const over = await millrace(["restore", at("copy"), "--data", at("data")])
    expect([over.code, over.stderr]).toEqual([1, `millrace: ${at("data")} exists and is not empty\n`])
    const onto = await millrace(["backup", at("copy"), "--data", at("data")])
    expect([onto.code, onto.stderr]).toEqual([1, `millrace: ${at("copy")} exists and is not empty\n`])
    cpSync(at("copy"), at("harmed"), { recursive: true })
    rmSync(at("harmed", "warehouse.duckdb"))
    const missing = await millrace(["restore", at("harmed"), "--data", at("none")])
    expect([missing.code, missing.stderr]).toEqual([1, `millrace: ${at("harmed", "warehouse.duckdb")} is missing\n`])
    expect(existsSync(at("none"))).toBe(false)
  },
  MILLIS
)

it(
  "a server: writes below its own folder, takes no path, and its backup restores",
  async () => {
    vi.stubEnv("MILLRACE_BACKUP_DIR", at("backups"))
    const server = start(["serve", "--port", "0", "--data", at("served")])
    const exit = ended(server)
    try {
      const url = await new Promise<string>((resolve, reject) => {
        server.stdout!.once("data", (text: Buffer) => resolve(/http:\/\/\S+/u.exec(text.toString())![0]))
        void exit.then(({ stderr }) => reject(new Error(stderr)))
      })
      await importAt("--url", url)
      expect(await ok(["backup", "nightly", "--url", url])).toMatch(/^nightly: everything acknowledged before 20/u)
      const path = await millrace(["backup", at("elsewhere"), "--url", url])
      expect([path.code, existsSync(at("elsewhere"))]).toEqual([2, false])
      const owned = await millrace(["backup", at("elsewhere"), "--data", at("served")])
      expect([owned.code, existsSync(at("elsewhere"))]).toEqual([1, false])
    } finally {
      server.kill("SIGKILL")
      await exit
    }
    await ok(["restore", at("backups", "nightly"), "--data", at("again")])
    expect(await ledgerOf(at("again"))).toMatchObject({ stored: EVENTS, difference: 0 })
  },
  MILLIS
)
