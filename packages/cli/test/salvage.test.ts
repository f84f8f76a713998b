import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { millrace, ok, temporaryFolder } from "./support/cli.ts"

const temporary = temporaryFolder()
const at = (...names: ReadonlyArray<string>) => join(temporary.path, ...names)
afterAll(() => temporary.remove())

const EVENTS = 40
const MILLIS = 120_000
const SEGMENT = at("data", "log", "log", "00000000000000000001.log")

/** Every file of a folder but its locks, with its bytes. */
const contentOf = (directory: string) =>
  readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.startsWith("lock") && statSync(join(directory, name)).isFile())
    .toSorted()
    .map((name) => [name, readFileSync(join(directory, name)).toString("latin1")])

const importRows = async (name: string, folder: string) => {
  const rows = Array.from(
    { length: EVENTS / 2 },
    (_, index) => `u${index},2026-01-01T00:00:${String(index).padStart(2, "0")}Z`
  )
  writeFileSync(at(name), `user_id,occurred_at\n${rows.join("\n")}\n`)
  await ok(["import", at(name), "--event-type-value", name, "--json", "--data", folder])
}

/** Of two imports the first one's bytes in the log are gone. */
beforeAll(async () => {
  await importRows("one", at("data"))
  const end = readFileSync(SEGMENT).findLastIndex((byte) => byte !== 0)
  await importRows("two", at("data"))
  const bytes = readFileSync(SEGMENT)
  writeFileSync(SEGMENT, bytes.fill(0, 64, Math.floor(end / 2)))
}, MILLIS)

it(
  "a folder with a hole: each command says file, byte and what to do, verify finds it, and nobody changes a byte",
  async () => {
    const before = contentOf(at("data"))
    const told = new RegExp(`${SEGMENT}.*byte 64`, "u")
    const refused = await millrace(["ledger", "--data", at("data")])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(told)
    expect(refused.stderr).toMatch(/millrace salvage/u)
    const examined = await millrace(["doctor", "--data", at("data")])
    expect([examined.code, examined.stdout]).toEqual([1, expect.stringContaining("see A damaged folder")])
    const found = await millrace(["verify", "--data", at("data")])
    expect(found.code).toBe(1)
    expect(found.stdout).toMatch(told)
    expect(found.stdout).toMatch(/^ok\s+warehouse/mu)
    expect(contentOf(at("data"))).toEqual(before)
  },
  MILLIS
)

it(
  "salvage: what can be had opens again, balances, and says what is lost; nothing is overwritten",
  async () => {
    const before = contentOf(at("data"))
    const said = await ok(["salvage", "--from", at("data"), "--to", at("new")])
    // They are in the warehouse, so no event is lost with them.
    expect(said).toMatch(/lost are the records/u)
    expect(said).not.toMatch(/events of project/u)
    expect(contentOf(at("data"))).toEqual(before)
    expect(await ok(["verify", "--data", at("new")])).not.toMatch(/FAIL/u)
    const ledger: unknown = JSON.parse(await ok(["ledger", "--json", "--data", at("new")]))
    expect(ledger).toMatchObject({ accepted: EVENTS, stored: EVENTS, in_flight: 0, lost: 0, difference: 0 })
    expect((await millrace(["salvage", "--from", at("data"), "--to", at("new")])).code).toBe(1)
    expect(existsSync(at("new", "log", "checkpoint.json"))).toBe(true)
  },
  MILLIS
)

it(
  "salvage without a warehouse: what the log has lost, and nothing has, is told as lost",
  async () => {
    rmSync(at("data", "warehouse.duckdb"))
    const said = await ok(["salvage", "--from", at("data"), "--to", at("poor")])
    const lost = Number(/lost are (\d+) events of project default/u.exec(said)?.[1])
    expect(lost).toBeGreaterThan(0)
    const ledgerOf = async () => JSON.parse(await ok(["ledger", "--json", "--data", at("poor")])) as unknown
    const told = { accepted: EVENTS, lost, difference: 0 }
    expect(await ledgerOf()).toMatchObject({ ...told, stored: 0, in_flight: EVENTS - lost })
    // It opens the folder as a server does, which loads what the log has.
    await ok(["backup", at("copy"), "--data", at("poor")])
    expect(await ledgerOf()).toMatchObject({ ...told, stored: EVENTS - lost, in_flight: 0 })
  },
  MILLIS
)
