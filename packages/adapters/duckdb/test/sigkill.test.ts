import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { WarehouseLedger, query, Warehouse } from "@millrace/core"
import { Effect } from "effect"
import { afterAll, assert, describe, it } from "vitest"
import { DuckDb } from "../src/index.ts"
import { OVERLAP, ROWS } from "./fixtures/pages.ts"

const KILLS = 8
const SEED = Number(process.env["MILLRACE_SEED"] ?? 7)

/** Park–Miller: the delays of a run follow from its seed. */
const randomFrom = (seed: number) => {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

const directory = mkdtempSync(join(tmpdir(), "millrace-duckdb-kill-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const script = fileURLToPath(new URL("fixtures/killedLoader.ts", import.meta.url))
const path = join(directory, "events.db")
const journal = join(directory, "journal")

const journaled = () => (existsSync(journal) ? Number(readFileSync(journal, "utf8").trim().split("\n").at(-1)) : 0)

/** The file and its write-ahead log, which only whoever writes may take over. */
const bytesLeft = () => [path, `${path}.wal`].map((name) => (existsSync(name) ? readFileSync(name, "base64") : ""))

const sleep = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** The loader is killed a random moment after its first answered load of this life. */
const runAndKill = async (delayMillis: number) => {
  const before = journaled()
  const child: ChildProcess = spawn(process.execPath, ["--conditions=source", script, path, journal], {
    stdio: ["ignore", "ignore", "inherit"]
  })
  const exited = once(child, "exit")
  while (journaled() === before && child.exitCode === null) await sleep(5)
  await sleep(delayMillis)
  child.kill("SIGKILL")
  const [code, signal] = await exited
  assert.deepStrictEqual([code, signal], [null, "SIGKILL"], "the loader ended by itself")
}

const inspect = Effect.gen(function* () {
  const warehouse = yield* Warehouse
  const range = { from: "2026-01-01", to: "2026-12-31", limit: 1000 }
  const { rows } = yield* query({ metric: "top-events", project_id: "default", params: range })
  return {
    watermark: yield* warehouse.watermark,
    counts: yield* (yield* WarehouseLedger).counts,
    events: rows.reduce((sum, row) => sum + row.events, 0)
  }
})

describe("DuckDb: SIGKILL while loading", () => {
  it(`rows, counts and watermark agree after each of ${KILLS} kills, and a reader sees them without a change (seed ${SEED})`, async () => {
    const random = randomFrom(SEED)
    for (let kill = 0; kill < KILLS; kill++) {
      await runAndKill(random() * 150)
      const left = bytesLeft()
      const read = await Effect.runPromise(Effect.provide(inspect, DuckDb.reader({ path, threads: 1 })))
      assert.deepStrictEqual(bytesLeft(), left, "a reader has changed the file")
      const found = await Effect.runPromise(Effect.provide(inspect, DuckDb.layer({ path, threads: 1 })))
      assert.deepStrictEqual(read, found, "a reader was told something else")
      const pages = Number(found.watermark.cursor)
      assert.isAtLeast(pages, journaled(), "an answered load is missing")
      assert.isAtMost(pages, journaled() + 1, "a page was loaded that nobody asked for")
      assert.strictEqual(found.events, pages * ROWS)
      assert.deepStrictEqual(found.counts.stored, { default: pages * ROWS })
      assert.deepStrictEqual(found.counts.duplicates, { default: pages * OVERLAP })
      assert.strictEqual(found.watermark.as_of, pages)
    }
  })
})
