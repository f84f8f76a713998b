import { expect, it } from "vitest"
import { renderDeadLetters } from "../src/command/deadLetters.ts"
import { renderSummary } from "../src/command/import.ts"
import { renderLedger } from "../src/command/ledger.ts"
import { adviceOf, heldBackFindings, loopFindings } from "../src/doctor/checks.ts"
import { clock, progressLine } from "../src/import/Progress.ts"
import { renderAnswer } from "../src/render/renderAnswer.ts"
import { styleOf } from "../src/render/Style.ts"
import { bar, printable } from "../src/render/table.ts"

const plain = { colour: false, width: 50 }
const colour = { colour: true, width: 50 }
const as_of = "2026-01-03T12:00:00Z"
const range = { from: "2026-01-01", to: "2026-01-03", tz: "UTC" }

const dau = {
  metric: "dau",
  params: range,
  as_of,
  rows: [
    { date: "2026-01-01", users: 1_200, complete: true },
    { date: "2026-01-02", users: 0, complete: true },
    { date: "2026-01-03", users: 300, complete: false }
  ]
}

it("daily users: aligned, a bar in what the width leaves, an open day marked", () => {
  expect(renderAnswer("dau", dau, plain)).toEqual([
    "daily active users  2026-01-01 … 2026-01-03  UTC  as of 2026-01-03T12:00:00Z",
    "",
    "date         users",
    `2026-01-01   1,200  ${"█".repeat(29)}`,
    "2026-01-02       0",
    "2026-01-03*    300  ███████▎",
    "",
    "*  not over yet at that instant"
  ])
})

it("rolling columns appear when the answer has them", () => {
  const rows = [{ date: "2026-01-01", users: 3, complete: true, wau: 10, mau: 2_000 }]
  expect(renderAnswer("dau", { ...dau, rows }, plain).slice(2, 4)).toEqual([
    "date        users  7 days  30 days",
    `2026-01-01      3      10    2,000  ${"█".repeat(13)}`
  ])
})

it("top events: a name cannot steer the terminal, a long one is cut", () => {
  const rows = [
    { event_type: "a\u001b[2Jb", events: 10, users: 4 },
    { event_type: "x".repeat(90), events: 5, users: 5 }
  ]
  const lines = renderAnswer("top-events", { params: range, as_of, rows }, plain)
  expect(lines[3]).toContain(String.raw`a\u001b[2Jb`)
  expect(lines[4]).toContain(`${"x".repeat(47)}…`)
  expect(lines.join("\n")).not.toContain("\u001b")
  expect(renderAnswer("top-events", { params: range, as_of, rows: [] }, plain)).toContain("no events in this range")
})

const cell = (index: number, users: number, rate: number, complete = true) => ({ index, users, rate, complete })
const retention = {
  metric: "retention",
  params: { start_date: "2026-01-01", interval: "week", tz: "UTC" },
  as_of,
  rows: [
    { cohort: "2025-12-29", size: 200, cells: [cell(0, 200, 1), cell(1, 100, 0.5), cell(2, 25, 0.125)] },
    { cohort: "2026-01-05", size: 0, cells: [cell(0, 0, 0), cell(1, 0, 0), cell(2, 0, 0)] },
    { cohort: "2026-01-12", size: 8, cells: [cell(0, 8, 1), cell(1, 2, 0.25, false), cell(2, 0, 0, false)] }
  ]
}

it("retention without colour: shading after each rate, scaled to the best return", () => {
  expect(renderAnswer("retention", retention, plain)).toEqual([
    "retention by week  2026-01-01 … latest  UTC  as of 2026-01-03T12:00:00Z",
    "",
    "cohort      users       0       +1w       +2w",
    "2025-12-29    200    100% ██  50.0% ██  12.5% ░░",
    "2026-01-05      0",
    "2026-01-12      8    100% ██ 25.0%* ▒▒",
    "",
    "*  not over yet at that instant"
  ])
})

it("retention with colour: a background for each cell, no shading", () => {
  const [, , , row] = renderAnswer("retention", retention, colour)
  expect(row).toBe(
    "2025-12-29    200  \u001b[48;5;79;38;5;16m   100% \u001b[0m\u001b[48;5;79;38;5;16m  50.0% \u001b[0m\u001b[48;5;24;38;5;255m  12.5% \u001b[0m"
  )
})

it("colours only on a terminal, and not with NO_COLOR or a dumb one", () => {
  expect(styleOf({ isTTY: true, columns: 120 }, {})).toEqual({ colour: true, width: 120 })
  expect(styleOf({ isTTY: true }, { NO_COLOR: "1" }).colour).toBe(false)
  expect(styleOf({ isTTY: true }, { TERM: "dumb" }).colour).toBe(false)
  expect(styleOf({}, {})).toEqual({ colour: false, width: 80 })
})

it("bars: an eighth of a column is the least that shows", () => {
  expect([bar(0, 10, 4), bar(1, 1_000, 4), bar(5, 10, 4), bar(10, 10, 4), bar(9.9, 10, 4)]).toEqual([
    "",
    "▏",
    "██",
    "████",
    "████"
  ])
})

it("printable: control, bidirectional and line-separating characters are written out", () => {
  expect(printable("a\nb\u202ec\u2028")).toBe(String.raw`a\u000ab\u202ec\u2028`)
})

it("ledger, dead letters and summary are tables", () => {
  const entry = {
    accepted: 1_200,
    stored: 1_000,
    duplicates: 145,
    dead_lettered: 40,
    replayed: 0,
    in_flight: 10,
    lost: 5,
    difference: 0
  }
  expect(renderLedger(entry)).toEqual([
    "events",
    "accepted         1,200",
    "  stored         1,000",
    "  duplicates       145",
    "  dead-lettered     40",
    "  in flight         10",
    "  lost               5",
    "difference           0"
  ])
  expect(renderDeadLetters({ dead_letters: [], next: null })).toEqual(["no dead letters"])
  const summary = {
    rows: 10,
    accepted: 9,
    rejected: 1,
    resumed_after: 4,
    stored: 5,
    duplicates: 4,
    seconds: 1.25,
    rows_per_second: 8,
    rejects_file: "f.rejects.ndjson"
  }
  expect(renderSummary(summary)).toEqual([
    "import",
    "rows              10",
    "accepted           9",
    "rejected           1",
    "  new              5",
    "  already there    4",
    "seconds          1.3",
    "rows/s             8",
    "",
    "4 of these rows were imported before it was interrupted.",
    "Rejected rows with line numbers and reasons: f.rejects.ndjson",
    "Rows without event_id are known by source name and row number: another file under the same name needs --source NAME."
  ])
})

it("progress: bar, rate and time left on a terminal, a plain line elsewhere, no promise about standard input", () => {
  const counts = { rows: 50_000, accepted: 49_990, rejected: 10, readBytes: 500 }
  const options = { totalBytes: 1_000, skippedBytes: 0, skippedRows: 0, terminal: true, width: 80, write: () => {} }
  expect(progressLine(counts, 2, options)).toBe(
    "████████████░░░░░░░░░░░░   50 %  50,000 rows  25,000 rows/s  10 rejected  ETA 0:02"
  )
  expect(progressLine(counts, 2, { ...options, terminal: false })).toBe(
    " 50 %  50,000 rows  25,000 rows/s  10 rejected  ETA 0:02"
  )
  expect(progressLine(counts, 2, { ...options, totalBytes: undefined })).toBe("50,000 rows  25,000 rows/s  10 rejected")
  expect([clock(7.4), clock(75), clock(3_723)]).toEqual(["0:07", "1:15", "1:02:03"])
})

it("doctor: an open transaction that holds the load back is a finding", () => {
  const queue = { writable: true, durability: "fsync", events: 0, lost: 0 } as const
  const ready = (held_back_seconds: number) =>
    ({ status: "ready", roles: [], queue, store: { reachable: true, held_back_seconds } }) as const
  expect(heldBackFindings(ready(2))).toEqual([])
  expect(heldBackFindings(ready(75))).toMatchObject([{ name: "hot store", ok: false }])
  const away = { ...ready(0), store: { reachable: false } }
  expect(heldBackFindings(away)).toMatchObject([{ name: "hot store", ok: false }])
})

it("doctor: background work that makes no progress is a finding that names it", () => {
  const queue = { writable: true, durability: "fsync", events: 0, lost: 0 } as const
  const loops = [{ name: "load", trouble: "defect", since: "2026-01-31T12:00:00Z", error: "TypeError" }] as const
  const [finding] = loopFindings({ status: "not_ready", roles: ["etl"], queue, loops })
  expect(finding).toMatchObject({ name: "work load", ok: false })
  expect(finding?.detail).toContain("TypeError")
})

it.each([
  ["it answered 401: Send an API key", /--key/u],
  ["it answered 403: This key is a write key", /--key/u],
  ["it answered 503: API keys cannot be checked at the moment.", /key store/u],
  ["it answered 503: The ledger cannot be read at the moment.", /log/u]
])("doctor: who is at fault when the ledger is not told: %s", (message, advice) => {
  expect(adviceOf(message)).toMatch(advice)
})
