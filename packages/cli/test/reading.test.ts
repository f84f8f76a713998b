import { createHash } from "node:crypto"
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { millrace as program } from "../src/millrace.ts"
import { millrace, ok, temporaryFolder } from "./support/cli.ts"

const temporary = temporaryFolder()
const at = (...names: ReadonlyArray<string>) => join(temporary.path, ...names)
afterAll(() => temporary.remove())

const MILLIS = 240_000
const ROWS = 20

/** What these commands need besides the folder. */
const READING: Readonly<Record<string, ReadonlyArray<string>>> = {
  "stats dau": ["--from", "2026-01-01", "--to", "2026-01-31"],
  ledger: [],
  "dlq list": [],
  export: ["--user", "one-1"],
  verify: [],
  "keys list": [],
  "users list": [],
  doctor: []
}
/** Ways to ask one question: they read through the same door as `stats dau`. */
const METRICS = /^stats (?!dau$)/u
/** These open a folder as its server does, or never one that is there. */
const WRITING = new Set([
  "serve",
  "import",
  "dlq replay",
  "dlq purge",
  "keys create",
  "keys revoke",
  "users create",
  "users disable",
  "users enable",
  "users passwd",
  "users grant",
  "erase",
  "send",
  "rebuild",
  "backup",
  "restore",
  "salvage",
  "reconcile"
])

/** Every file by its bytes; locks are the kernel's business. */
const contentOf = (directory: string) =>
  readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => !/(?:^|\/)lock(?:\.db)?$/u.test(name))
    .toSorted()
    .map((name) => {
      const path = join(directory, name)
      return `${name} ${statSync(path).isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : ""}`
    })

const importRows = async (name: string) => {
  const rows = Array.from({ length: ROWS }, (_, index) => `${name}-${index},2026-01-01T00:00:${index + 10}Z`)
  writeFileSync(at(name), `user_id,occurred_at\n${rows.join("\n")}\n`)
  await ok(["import", at(name), "--event-type-value", name, "--json", "--data", at("data")])
}

/** What a write that was never acknowledged leaves behind the last record. */
const tear = (...segment: ReadonlyArray<string>) => {
  const bytes = readFileSync(at(...segment))
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1
  writeFileSync(at(...segment), bytes.fill("torn", end, end + 400))
}

/** A folder whose second import is in its log alone, and whose log and dead letters end with a torn tail. */
beforeAll(async () => {
  await importRows("one")
  cpSync(at("data", "warehouse.duckdb"), at("older"))
  await importRows("two")
  rmSync(at("data", "warehouse.duckdb"))
  cpSync(at("older"), at("data", "warehouse.duckdb"))
  tear("data", "log", "log", "00000000000000000001.log")
  tear("data", "log", "dead-letters", "00000000000000000001.log")
}, MILLIS)

const namesOf = (
  command: (typeof program.subcommands)[number]["commands"][number],
  before = ""
): ReadonlyArray<string> => {
  const below = command.subcommands.flatMap(({ commands }) => commands)
  const name = `${before}${command.name}`
  return below.length === 0 ? [name] : below.flatMap((one) => namesOf(one, `${name} `))
}

it("every command either reads, and is tried here, or writes", () => {
  const names = program.subcommands.flatMap(({ commands }) => commands).flatMap((command) => namesOf(command))
  const known = (name: string) => name in READING || WRITING.has(name) || METRICS.test(name)
  expect(names.filter((name) => !known(name))).toEqual([])
  expect(Object.keys(READING).filter((name) => !names.includes(name))).toEqual([])
})

it(
  "a command that reads leaves a free folder as it is, torn tails and what is not loaded yet too",
  async () => {
    const before = contentOf(at("data"))
    for (const [name, args] of Object.entries(READING)) {
      const { code, stderr } = await millrace([...name.split(" "), ...args, "--data", at("data")])
      expect({ name, code, stderr: code === 0 ? "" : stderr }).toEqual({ name, code: 0, stderr: "" })
      expect({ name, content: contentOf(at("data")) }).toEqual({ name, content: before })
    }
  },
  MILLIS
)

it(
  "what is not loaded yet is in no answer, and each command says how much that is",
  async () => {
    const { stderr, stdout } = await millrace(["ledger", "--json", "--data", at("data")])
    expect(JSON.parse(stdout)).toMatchObject({
      accepted: 2 * ROWS,
      stored: ROWS,
      in_flight: ROWS,
      lost: 0,
      difference: 0
    })
    expect(stderr).toContain(`${ROWS} accepted events`)
    const asked = await millrace([
      "stats",
      "top-events",
      "--json",
      "--from",
      "2026-01-01",
      "--to",
      "2026-01-31",
      "--data",
      at("data")
    ])
    expect(JSON.parse(asked.stdout)).toMatchObject({ rows: [{ event_type: "one", events: ROWS }] })
    expect(asked.stderr).toContain(`${ROWS} accepted events`)
  },
  MILLIS
)
