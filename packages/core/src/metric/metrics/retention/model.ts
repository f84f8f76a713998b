import { BadParameter } from "../../BadParameter.ts"
import type { Broken, Valued } from "../../breakdown/index.ts"
import { type DateInterval, dayOfDate, type WeekStart } from "../../calendar.ts"
import { RANGE_MAX_DAYS } from "../../params.ts"
import { IDENTIFY } from "../../events.ts"
import type { Narrowed } from "../../source.ts"

export interface RetentionParams extends Narrowed, Broken {
  readonly start_date: string
  readonly end_date?: string | undefined
  readonly windows: number
  readonly interval: DateInterval
  readonly week_start: WeekStart
  readonly tz: string
  readonly start_event?: string | undefined
  readonly return_event?: string | undefined
  readonly mode: "first-ever" | "recurring"
  readonly measure: "on" | "on-or-after"
  readonly bucket: "calendar" | "rolling"
  readonly minimum_occurrences: number
}

export interface RetentionCell {
  readonly index: number
  readonly users: number
  readonly rate: number
  readonly complete: boolean
}

export interface RetentionCohort {
  readonly cohort: string
  readonly size: number
  readonly cells: ReadonlyArray<RetentionCell>
}

export type RetentionRow = Valued<RetentionCohort>

const DAY_MICROS = 86_400_000_000

/** Length of one rolling cell. */
export const ROLLING_MICROS = { day: DAY_MICROS, week: 7 * DAY_MICROS, month: 30 * DAY_MICROS } as const

/** An answer holds no more cells than this. */
export const CELLS_MAX = 100_000

/** Throws {@link BadParameter}: without `end_date` the last cohort, by its first date, is known only from the data. */
export const checkDays = (last: string, { end_date, start_date }: RetentionParams): void => {
  if (end_date !== undefined || dayOfDate(last) - dayOfDate(start_date) < RANGE_MAX_DAYS) return
  throw new BadParameter({
    field: "start_date",
    code: "invalid_parameter",
    reason: `must be at most ${RANGE_MAX_DAYS} days before the last event's cohort (${last}): give an end_date`
  })
}

/** Throws {@link BadParameter}: without `end_date`, how many cohorts there are is known only from the data. */
export const checkCells = (cohorts: number, windows: number): void => {
  if (cohorts * windows <= CELLS_MAX) return
  throw new BadParameter({
    field: "windows",
    code: "invalid_parameter",
    reason: `× cohorts would be ${cohorts * windows} cells, more than ${CELLS_MAX}: ask for fewer windows or a shorter range`
  })
}

/** Whether events of a type can make the last cohort when there is no `end_date`. */
export const countsAsAny = (eventType: string, { start_event, return_event }: RetentionParams): boolean =>
  eventType !== IDENTIFY || start_event === IDENTIFY || return_event === IDENTIFY
