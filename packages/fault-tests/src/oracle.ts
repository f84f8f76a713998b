import { type Ask, type Ledger, sql, Warehouse } from "@millrace/core"
import { DuckDb } from "@millrace/duckdb"
import { Effect } from "effect"
import type { Journal } from "./Journal.ts"

const everyId: Ask<string> = {
  project_id: "default",
  sql: () => sql`SELECT event_id FROM events WHERE project_id = ${"default"}`,
  shape: (rows) => rows.map((row) => String(row["event_id"])),
  reference: () => []
}

/** The rows themselves, by the file, once its owner has ended. */
export const storedIds = (path: string): Promise<ReadonlyArray<string>> =>
  Effect.runPromise(
    Effect.flatMap(Warehouse, (warehouse) => warehouse.answer(everyId)).pipe(Effect.provide(DuckDb.layer({ path })))
  )

const SHOWN = 3
const some = (ids: ReadonlyArray<string>) => `${ids.length} (${ids.slice(0, SHOWN).join(", ")})`

/**
 * Every acknowledged event is there exactly once, but for as many as the ledger calls lost, and none that was not sent; empty when
 * all is well. What is lost may be there all the same, sent twice.
 */
export const judgeRows = (
  journal: Journal,
  rows: ReadonlyArray<string>,
  known: number | undefined
): ReadonlyArray<string> => {
  const found = new Set(rows)
  const findings: Array<string> = []
  const lost = journal.acknowledged.filter(({ event_id }) => !found.has(event_id)).map(({ event_id }) => event_id)
  if (known === undefined || lost.length > known) {
    findings.push(`lost, though acknowledged: ${some(lost)}, of which the ledger knows ${known}`)
  }
  if (found.size < rows.length) findings.push(`${rows.length - found.size} rows are there twice`)
  const invented = [...found].filter((id) => journal.get(id) === undefined)
  if (invented.length > 0) findings.push(`never sent: ${some(invented)}`)
  return findings
}

export const judgeLedger = (when: string, entry: Ledger | undefined): ReadonlyArray<string> =>
  entry?.in_flight === 0 && entry.difference === 0 ? [] : [`${when}: ledger ${JSON.stringify(entry)}`]
