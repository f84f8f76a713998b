import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, expect, it } from "vitest"
import { ended, millrace, ok, start, temporaryFolder } from "./support/cli.ts"

const temporary = temporaryFolder()
afterAll(temporary.remove)

const ROWS = 150_000
const BAD_EVERY = 10_000

it("an import killed with SIGKILL goes on where it was, and every row is counted once", async () => {
  const file = join(temporary.path, "history.csv")
  const folder = join(temporary.path, "data")
  const rows = Array.from({ length: ROWS }, (_, index) =>
    index % BAD_EVERY === BAD_EVERY - 1
      ? `u${index},not a time,${index}`
      : `u${index % 900},2026-01-01T00:00:00Z,${index}`
  )
  writeFileSync(file, `user_id,occurred_at,n\n${rows.join("\n")}\n`)
  const args = ["import", file, "--event-type-value", "visit", "--data", folder, "--json"]

  const first = start(args)
  const killed = ended(first)
  const states = join(folder, "imports")
  const hasState = () => existsSync(states) && readdirSync(states).some((name) => name.endsWith(".json"))
  while (!hasState() && first.exitCode === null) await sleep(5)
  first.kill("SIGKILL")
  expect((await killed).signal).toBe("SIGKILL")

  const bad = ROWS / BAD_EVERY
  const second = await millrace(args)
  expect(second.stderr).toMatch(/going on after row [1-9]\d*/u)
  const summary = JSON.parse(second.stdout) as { resumed_after: number }
  expect(summary).toMatchObject({ rows: ROWS, accepted: ROWS - bad, rejected: bad })
  expect(summary.resumed_after).toBeGreaterThan(0)
  expect(summary.resumed_after).toBeLessThan(ROWS)
  const rejects = readFileSync(`${file}.rejects.ndjson`, "utf8").trim().split("\n")
  const wanted = Array.from({ length: bad }, (_, index) => (index + 1) * BAD_EVERY + 1)
  expect(rejects.map((line) => (JSON.parse(line) as { line: number }).line)).toEqual(wanted)
  expect(readdirSync(states)).toEqual([])

  const ledger = ["ledger", "--data", folder, "--json"]
  expect(JSON.parse(await ok(ledger))).toMatchObject({ stored: ROWS - bad, in_flight: 0, difference: 0 })
  expect(JSON.parse(await ok([...args, "--restart"]))).toMatchObject({ stored: 0, duplicates: ROWS - bad })
  expect(JSON.parse(await ok(ledger))).toMatchObject({ stored: ROWS - bad, difference: 0 })
})
