import { Schema } from "effect"
import { BadParameter } from "../../BadParameter.ts"
import { breakdownKey, type WithBreakdown, type WithoutBreakdown } from "../../breakdown/index.ts"
import { dayOfDate } from "../../calendar.ts"
import { IDENTIFY } from "../../events.ts"
import { about } from "../../Parameter.ts"
import * as Params from "../../params.ts"
import { share } from "../../rows.ts"

/** The parameters of a retention table; goes with {@link cohortsCheck}. */
export const table = {
  start_date: about(Params.date, {
    help: "A day of the first cohort's interval",
    assumed: { days: 56, says: "8 weeks ago" }
  }),
  end_date: Params.optionalDate("A day of the last cohort's interval (default: the last with any event)"),
  windows: about(Params.integerOr(1, 366, 8), { help: "Cells per cohort, 1–366" }),
  interval: Params.choiceOr(["day", "week", "month"], "week"),
  week_start: Params.weekStart,
  tz: Params.tz,
  start_event: Params.optionalEventType("The event that puts a user into a cohort"),
  return_event: Params.optionalEventType("The event that counts as coming back"),
  mode: Params.choice(["first-ever", "recurring"]),
  measure: Params.choice(["on", "on-or-after"]),
  bucket: Params.choice(["calendar", "rolling"]),
  minimum_occurrences: about(Params.integerOr(1, 1_000, 1), { help: "Return events that an interval must hold" })
}

export const cohortsCheck = Schema.makeFilter(
  ({ end_date, start_date }: { readonly start_date: string; readonly end_date?: string | undefined }) =>
    end_date === undefined ? undefined : Params.rangeIssue(start_date, end_date, "start_date", "end_date")
)

export const params = Schema.Struct({ ...table, ...Params.common }).check(cohortsCheck)
/** Also of a listing, which names the breakdown's value. */
export type RetentionParams = typeof params.Type & WithBreakdown

const cell = Schema.Struct({
  index: Schema.Int,
  users: Schema.Int,
  rate: share.annotate({ description: "users / size, 0 for an empty cohort." }),
  complete: Schema.Boolean
})

export const row = Schema.Struct({
  ...breakdownKey,
  cohort: Schema.String,
  size: Schema.Int,
  cells: Schema.Array(cell)
})
export type RetentionRow = typeof row.Type
export type RetentionCohort = WithoutBreakdown<RetentionRow>

const DAY_MICROS = 86_400_000_000

/** Length of one rolling cell. */
export const ROLLING_DAYS = { day: 1, week: 7, month: 30 } as const
export const ROLLING_MICROS = {
  day: DAY_MICROS,
  week: ROLLING_DAYS.week * DAY_MICROS,
  month: ROLLING_DAYS.month * DAY_MICROS
} as const

/** An answer holds no more cells than this. */
export const CELLS_MAX = 100_000

/** Throws {@link BadParameter}: without `end_date` the last cohort, by its first date, is known only from the data. */
export const checkDays = (last: string, { end_date, start_date }: RetentionParams): void => {
  if (end_date !== undefined || dayOfDate(last) - dayOfDate(start_date) < Params.RANGE_MAX_DAYS) return
  throw new BadParameter({
    field: "start_date",
    code: "invalid_parameter",
    reason: `must be at most ${Params.RANGE_MAX_DAYS} days before the last event's cohort (${last}): give an end_date`
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
