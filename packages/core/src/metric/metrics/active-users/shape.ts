import { shapeEach } from "../../breakdown/index.ts"
import { dayOfDate, timeBuckets } from "../../calendar.ts"
import type { AskContext } from "../../Metric.ts"
import { integerOf, ratio, type RawRow } from "../../rows.ts"
import { type ActiveUsersCounts, type ActiveUsersParams, type ActiveUsersRow, MONTH_DAYS, WEEK_DAYS } from "./model.ts"

/** Fills the gaps and adds `complete`. */
export const shapeActiveUsers = (
  raw: ReadonlyArray<RawRow>,
  params: ActiveUsersParams,
  context: AskContext
): ReadonlyArray<ActiveUsersRow> =>
  shapeEach(raw, params, (rows) => (params.rolling ? shapeRolling : shapePlain)(rows, params, context))

const shapePlain = (raw: ReadonlyArray<RawRow>, params: ActiveUsersParams, context: AskContext) => {
  const users = new Map(raw.map((row) => [integerOf(row, "bucket"), integerOf(row, "users")]))
  return timeBuckets(params, context.as_of).map(({ bucket, complete, date }) => ({
    date,
    users: users.get(bucket) ?? 0,
    complete
  }))
}

const shapeRolling = (raw: ReadonlyArray<RawRow>, params: ActiveUsersParams, context: AskContext) => {
  const byWindow = new Map<number, Map<number, number>>()
  for (const row of raw) {
    const windowDays = integerOf(row, "window_days")
    if (!byWindow.has(windowDays)) byWindow.set(windowDays, new Map())
    byWindow.get(windowDays)!.set(integerOf(row, "bucket"), integerOf(row, "users"))
  }
  const on = (windowDays: number, day: number) => byWindow.get(windowDays)?.get(day) ?? 0
  const rows: Array<ActiveUsersCounts> = []
  let [wau, mau] = [0, 0]
  const advance = (day: number) => {
    wau += on(0, day) - on(WEEK_DAYS, day)
    mau += on(0, day) - on(MONTH_DAYS, day)
  }
  const first = dayOfDate(params.from)
  for (let day = first - MONTH_DAYS; day < first; day++) advance(day)
  for (const { bucket, complete, date } of timeBuckets(params, context.as_of)) {
    advance(bucket)
    const users = on(0, bucket)
    rows.push({ date, users, complete, wau, mau, dau_wau: ratio(users, wau), dau_mau: ratio(users, mau) })
  }
  return rows
}
