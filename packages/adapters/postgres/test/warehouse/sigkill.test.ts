import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { query, Warehouse, WarehouseLedger } from "@millrace/core"
import { mulberry32, postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect } from "effect"
import { assert, it } from "vitest"
import { Postgres } from "../../src/index.ts"
import { OVERLAP, ROWS } from "./fixtures/pages.ts"

const KILLS = Number(process.env["MILLRACE_KILLS"] ?? 4)
const SEED = Number(process.env["MILLRACE_SEED"] ?? 7)

const script = fileURLToPath(new URL("fixtures/killedLoader.ts", import.meta.url))

const sleep = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** What a loader has journaled: the last page whose load was answered. */
const journaled = (journal: string) =>
  existsSync(journal) ? Number(readFileSync(journal, "utf8").trim().split("\n").at(-1)) : 0

/** The loader is killed a random moment after its first answered load of this life. */
const runOne = async (url: string, journal: string, delayMillis: number) => {
  const before = journaled(journal)
  const child: ChildProcess = spawn(process.execPath, ["--conditions=source", script, url, journal], {
    stdio: ["ignore", "ignore", "inherit"]
  })
  const exited = once(child, "exit")
  while (journaled(journal) === before && child.exitCode === null) await sleep(5)
  await sleep(delayMillis)
  child.kill("SIGKILL")
  assert.deepStrictEqual(await exited, [null, "SIGKILL"], "the loader ended by itself")
}

const inspect = Effect.gen(function* () {
  const warehouse = yield* Warehouse
  const params = { from: "2026-01-01", to: "2026-12-31", limit: 1000 }
  // Waits for a commit that the killed process had sent.
  yield* warehouse.rehearse([])
  const { rows } = yield* query({ metric: "top-events", project_id: "default", params })
  return {
    watermark: yield* warehouse.watermark,
    counts: yield* (yield* WarehouseLedger).counts,
    events: rows.reduce((sum, row) => sum + row.events, 0)
  }
})

/** Loaders of these journals, each killed at a random moment; then rows, counts and watermark have to agree. */
const runAndKill = async (url: string, journals: ReadonlyArray<string>, random: () => number) => {
  await Promise.all(journals.map((journal) => runOne(url, journal, random() * 150)))
  const found = await Effect.runPromise(Effect.provide(inspect, Postgres.warehouse({ url })))
  const pages = Number(found.watermark.cursor)
  const answered = Math.max(...journals.map(journaled))
  assert.isAtLeast(pages, answered, "an answered load is missing")
  assert.isAtMost(pages, answered + journals.length, "a page was loaded that nobody asked for")
  assert.strictEqual(found.events, pages * ROWS)
  assert.deepStrictEqual(found.counts.stored, { default: pages * ROWS })
  assert.deepStrictEqual(found.counts.duplicates, { default: pages * OVERLAP })
  assert.strictEqual(found.watermark.as_of, pages)
}

await describeWithService("PostgreSQL as a warehouse: SIGKILL while loading", postgres(), (server) => {
  it.each([1, 2])(
    `rows, counts and watermark agree after each of ${KILLS} kills of %i at once (seed ${SEED})`,
    async (loaders) => {
      const directory = mkdtempSync(join(tmpdir(), "millrace-postgres-kill-"))
      const journals = Array.from({ length: loaders }, (_, index) => join(directory, `journal-${index}`))
      const random = mulberry32(SEED)
      try {
        const url = await server().createDatabase()
        for (let kill = 0; kill < KILLS; kill++) await runAndKill(url, journals, random)
        assert.isAbove(Math.min(...journals.map(journaled)), 0, "a loader has loaded nothing")
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    },
    60_000 + KILLS * 5_000
  )
})
