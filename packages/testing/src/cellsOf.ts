import { type BreakdownValue, type MetricName, type RowOf, writeScalar } from "@millrace/core"
import type { Params } from "./arbitraries/params.ts"

/** A number of a row, and the parameters that name its cell. */
export interface Cell {
  readonly users: number
  readonly cell: Params
}

type Cells = {
  readonly [Name in MetricName]?: (row: RowOf<Name>, rows: ReadonlyArray<RowOf<Name>>) => ReadonlyArray<Cell>
}

const activeCells = (row: RowOf<"dau">): ReadonlyArray<Cell> =>
  (["users", "wau", "mau"] as const).flatMap((column) => {
    const users = row[column]
    return users === undefined ? [] : [{ users, cell: { date: row.date, column } }]
  })

/** Every number of users in a row. */
const CELLS: Cells = {
  dau: activeCells,
  "active-users": activeCells,
  "top-events": ({ event_type, users }) => [{ users, cell: { event_type } }],
  retention: ({ cells, cohort, size }) =>
    cells.flatMap(({ index, users }) => [
      { users, cell: { cohort, cell: String(index) } },
      { users: size - users, cell: { cohort, cell: String(index), returned: "false" } }
    ]),
  trend: ({ date, value }) => [{ users: value ?? 0, cell: { date } }],
  lifecycle: ({ date, ...row }) =>
    (["new", "returning", "resurrecting", "dormant"] as const).map((state) => ({
      users: Math.abs(row[state]),
      cell: { date, state }
    })),
  stickiness: ({ at_least, intervals, users }) => [
    { users, cell: { intervals: String(intervals) } },
    { users: at_least, cell: { intervals: String(intervals), column: "at_least" } }
  ],
  funnel: ({ breakdown, step, users }, rows) => {
    const before = rows.find((row) => row.step === step - 1 && row.breakdown === breakdown)
    const reached = { users, cell: { step: String(step) } }
    if (before === undefined) return [reached]
    return [reached, { users: before.users - users, cell: { step: String(step), outcome: "dropped" } }]
  },
  paths: ({ from, to, users }) => [{ users, cell: { source: from, target: to } }]
}

const valueCell = (row: object): Params =>
  "breakdown" in row ? { breakdown_value: writeScalar(row.breakdown as BreakdownValue) } : {}

/** The cells of a metric's answer. A trend's numbers are those of users if it was asked for them. */
export const cellsOf = (metric: MetricName, rows: ReadonlyArray<object>): ReadonlyArray<Cell> =>
  rows.flatMap((row) =>
    CELLS[metric]!(row as never, rows as never).map(({ cell, users }) => ({
      users,
      cell: { ...cell, ...valueCell(row) }
    }))
  )
