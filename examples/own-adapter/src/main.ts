/**
 * The Effect layers, with an event store of one's own between millrace's durable queue and its DuckDB warehouse.
 * Run: npm run -s examples
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { accept, ledger, Pipeline, query } from "@millrace/core"
import { DuckDb } from "@millrace/duckdb"
import { Embedded } from "@millrace/embedded"
import { Effect, Layer } from "effect"
import { layerLineFile } from "./LineFileStore.ts"

const folder = mkdtempSync(join(tmpdir(), "millrace-example-"))

const Millrace = Pipeline.layer({ loadIntervalMillis: 50 }).pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      Embedded.queue({ directory: join(folder, "queue") }),
      layerLineFile(join(folder, "events.ndjson")),
      DuckDb.layer({ path: join(folder, "warehouse.duckdb") })
    )
  )
)

const visit = (number: number, user_id: string, day: string) => ({
  event_id: `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`,
  occurred_at: `${day}T09:00:00Z`,
  user_id,
  event_type: "visit"
})

const program = Effect.gen(function* () {
  const events = [
    visit(1, "ann", "2026-03-02"),
    visit(2, "bob", "2026-03-02"),
    visit(3, "ann", "2026-03-09"),
    visit(1, "ann", "2026-03-02")
  ]
  const verdict = yield* accept({ events: [...events, { user_id: 7 }], sent_at: undefined }, "default")
  console.log("accepted", verdict.accepted, "rejected", verdict.rejected)
  yield* (yield* Pipeline).flush
  const { rows } = yield* query({
    metric: "retention",
    project_id: "default",
    params: { start_date: "2026-03-02", windows: 2 }
  })
  console.log("weekly retention", JSON.stringify(rows))
  const entry = yield* ledger("default")
  console.log("ledger", entry)
  return { cohort: rows[0]!.cells.map((cell) => cell.users), entry }
})

const { cohort, entry } = await Effect.runPromise(Effect.provide(program, Millrace))
rmSync(folder, { recursive: true })
if (cohort.join() !== "2,1" || entry.difference !== 0 || entry.duplicates !== 1) {
  console.error("the example's figures are wrong")
  process.exitCode = 1
}
