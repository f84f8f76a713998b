import { grouped, table } from "../render/table.ts"

export interface Summary {
  readonly rows: number
  readonly accepted: number
  readonly rejected: number
  /** Rows that an interrupted run had made safe. */
  readonly resumed_after: number
  /** New to the store; `undefined` where others may be writing too. */
  readonly stored: number | undefined
  readonly duplicates: number | undefined
  readonly seconds: number
  readonly rows_per_second: number
  readonly rejects_file: string | undefined
}

export const renderSummary = (summary: Summary): ReadonlyArray<string> => {
  const rows: Array<readonly [string, string]> = [
    ["rows", grouped(summary.rows)],
    ["accepted", grouped(summary.accepted)],
    ["rejected", grouped(summary.rejected)]
  ]
  if (summary.stored !== undefined) rows.push(["  new", grouped(summary.stored)])
  if (summary.duplicates !== undefined) rows.push(["  already there", grouped(summary.duplicates)])
  rows.push(["seconds", summary.seconds.toFixed(1)], ["rows/s", grouped(summary.rows_per_second)])
  const lines = table(
    [
      { title: "import", align: "left" },
      { title: "", align: "right" }
    ],
    rows
  )
  const notes: Array<string> = []
  if (summary.resumed_after > 0)
    notes.push(`${grouped(summary.resumed_after)} of these rows were imported before it was interrupted.`)
  if (summary.rejects_file !== undefined)
    notes.push(`Rejected rows with line numbers and reasons: ${summary.rejects_file}`)
  if ((summary.duplicates ?? 0) > 0) {
    notes.push(
      "Rows without event_id are known by source name and row number: another file under the same name needs --source NAME."
    )
  }
  return notes.length === 0 ? lines : [...lines, "", ...notes]
}
