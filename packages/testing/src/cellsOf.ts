import { type BreakdownValue, type CountedCell, type CountingName, listingOf, writeScalar } from "@millrace/core"
import type { Params } from "./arbitraries/params.ts"

const valueCell = (row: object): Params =>
  "breakdown" in row ? { breakdown_value: writeScalar(row.breakdown as BreakdownValue) } : {}

/** The cells of a metric's answer. A trend's numbers are those of users if it was asked for them. */
export const cellsOf = (metric: CountingName, rows: ReadonlyArray<object>): ReadonlyArray<CountedCell> =>
  rows.flatMap((row) =>
    (listingOf(metric)?.cells(row as never, rows as never) ?? []).map(({ cell, users }) => ({
      users,
      cell: { ...cell, ...valueCell(row) }
    }))
  )
