import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { filesHolding } from "@millrace/testing"
import { afterAll, beforeAll, expect, it } from "vitest"
import { ended, millrace, ok, start, temporaryFolder } from "./support/cli.ts"

const temporary = temporaryFolder()
const folder = join(temporary.path, "data")
afterAll(temporary.remove)

const FILE = join(temporary.path, "events.csv")
const MILLIS = 120_000

beforeAll(() => {
  const rows = Array.from(
    { length: 200 },
    (_, index) =>
      `${index % 10 === 0 ? "gone/4711" : `user-${index % 7}`},2026-01-01T00:00:${String(index % 60).padStart(2, "0")}Z,${index}`
  )
  writeFileSync(FILE, `user_id,occurred_at,n\n${rows.join("\n")}\n`)
})

const importAt = (...place: ReadonlyArray<string>) =>
  ok(["import", FILE, "--event-type-value", "visit", "--json", ...place])
const linesOf = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)

it(
  "a folder: export gives what is held, erase leaves no byte of it, a repeated import brings nothing back",
  async () => {
    const at = ["--data", folder, "--user", "gone/4711"]
    await importAt("--data", folder)
    const exported = linesOf(await ok(["export", ...at]))
    expect(exported.at(-1)).toEqual({ kind: "end", events: 20, dead_letters: 0 })
    expect(filesHolding(folder, ["gone/4711"]).length).toBeGreaterThan(0)

    const elsewhere: unknown = JSON.parse(await ok(["erase", ...at, "--project", "elsewhere", "--json"]))
    expect(elsewhere).toMatchObject({
      project_id: "elsewhere",
      complete: true,
      places: expect.arrayContaining([
        { place: "warehouse", status: "done", events: 0, finished_at: expect.any(String) as unknown }
      ]) as unknown
    })

    const receipt = await ok(["erase", ...at])
    expect(receipt).toMatch(/^warehouse +20 +done /mu)
    expect(filesHolding(folder, ["gone/4711"])).toEqual([])
    await importAt("--data", folder)
    expect(filesHolding(folder, ["gone/4711"])).toEqual([])
    expect(linesOf(await ok(["export", ...at])).at(-1)).toMatchObject({ events: 0 })
    const entry = JSON.parse(await ok(["ledger", "--json", "--data", folder])) as Record<string, number>
    expect(entry).toMatchObject({ accepted: 400, difference: 0 })
  },
  MILLIS
)

it(
  "a server: the same, to a file; without one the exit code says so",
  async () => {
    const server = start(["serve", "--port", "0", "--data", join(temporary.path, "served")])
    const exit = ended(server)
    try {
      const url = await new Promise<string>((resolve, reject) => {
        server.stdout!.once("data", (text: Buffer) => resolve(/http:\/\/\S+/u.exec(text.toString())![0]))
        void exit.then(({ stderr }) => reject(new Error(stderr)))
      })
      const at = ["--url", url, "--user", "gone/4711"]
      await importAt("--url", url)
      const file = join(temporary.path, "export.ndjson")
      await ok(["export", ...at, "--out", file])
      expect(linesOf(readFileSync(file, "utf8")).at(-1)).toMatchObject({ kind: "end", events: 20 })
      expect(JSON.parse(await ok(["erase", ...at, "--json"]))).toMatchObject({ complete: true, ids: 1 })
      expect(linesOf(await ok(["export", ...at])).at(-1)).toMatchObject({ events: 0 })
    } finally {
      server.kill("SIGKILL")
      await exit
    }
    const away = await millrace(["erase", "--url", "http://127.0.0.1:9", "--user", "x"])
    expect(away).toMatchObject({ code: 1, stdout: "" })
    const unnamed = await millrace(["erase", "--data", folder, "--user", ".."])
    expect([unnamed.code, unnamed.stderr]).toEqual([2, 'millrace: --user ".." cannot be named in a path\n'])
  },
  MILLIS
)
