import { shapeEach } from "../../breakdown/index.ts"
import { dateOfDay, dayOfDate, endOfInterval, firstDayOf, intervalOfDay } from "../../calendar.ts"
import type { AskContext } from "../../Metric.ts"
import { integerOf, ratio, type RawRow } from "../../rows.ts"
import {
  checkCells,
  checkDays,
  type RetentionCohort,
  type RetentionParams,
  type RetentionRow,
  ROLLING_MICROS
} from "./model.ts"

/** Lays the counts out as a full table of cohorts × cells. */
export const shapeRetention = (
  raw: ReadonlyArray<RawRow>,
  params: RetentionParams,
  context: AskContext
): ReadonlyArray<RetentionRow> => shapeEach(raw, params, (rows) => shapeTable(rows, params, context))

const shapeTable = (
  raw: ReadonlyArray<RawRow>,
  params: RetentionParams,
  context: AskContext
): ReadonlyArray<RetentionCohort> => {
  const { interval, week_start, windows, tz } = params
  const indexOf = (date: string) => intervalOfDay(dayOfDate(date), interval, week_start)
  const first = indexOf(params.start_date)
  const last = params.end_date === undefined ? lastOf(raw) : indexOf(params.end_date)
  if (last === undefined || last < first) return []
  checkDays(dateOfDay(firstDayOf(last, interval, week_start)), params)
  checkCells(last - first + 1, windows)
  const counts = countsOf(raw, params)
  return Array.from({ length: last - first + 1 }, (_, row) => {
    const index = first + row
    const found = counts.get(index) ?? []
    const size = found[0] ?? 0
    const cells = Array.from({ length: windows }, (_unused, cell) => {
      const users = found[cell] ?? 0
      return { index: cell, users, rate: ratio(users, size), complete: cellEnd(params, index, cell) <= context.as_of }
    })
    return { cohort: dateOfDay(firstDayOf(index, interval, week_start)), size, cells }
  })

  function cellEnd({ bucket }: RetentionParams, index: number, cell: number): number {
    return bucket === "calendar" || cell === 0
      ? endOfInterval(tz, index + cell, interval, week_start)
      : endOfInterval(tz, index, interval, week_start) + (cell + 1) * ROLLING_MICROS[interval]
  }
}

/** Undefined when the project holds no event in or after the first interval. */
const lastOf = (raw: ReadonlyArray<RawRow>): number | undefined => {
  const found = raw.find((row) => integerOf(row, "cell") === -1)
  return found === undefined || found["cohort"] === null ? undefined : integerOf(found, "cohort")
}

/** Cohort → users per cell. For `on-or-after` a user's last return counts in every cell up to it. */
const countsOf = (raw: ReadonlyArray<RawRow>, { measure, windows }: RetentionParams) => {
  const counts = new Map<number, Array<number>>()
  for (const row of raw) {
    const cell = integerOf(row, "cell")
    if (cell < 0) continue
    const cohort = integerOf(row, "cohort")
    const cells = counts.get(cohort) ?? Array.from({ length: windows }, () => 0)
    counts.set(cohort, cells)
    cells[cell] = integerOf(row, "users")
  }
  if (measure === "on") return counts
  for (const cells of counts.values()) for (let cell = windows - 2; cell >= 1; cell--) cells[cell]! += cells[cell + 1]!
  return counts
}
