import {
  dateOfDay,
  dayOfDate,
  endOfDay,
  endOfInterval,
  firstDayOf,
  hoursOf,
  intervalOfDay,
  labelOfHour
} from "../../calendar.ts"
import type { AskContext, RawRow } from "../../Metric.ts"
import { integerOf, ratio } from "../../rows.ts"
import { type ActiveUsersParams, type ActiveUsersRow, MONTH_DAYS, WEEK_DAYS } from "./model.ts"

/** Fills the gaps and adds `complete`. */
export const shapeActiveUsers = (
  raw: ReadonlyArray<RawRow>,
  params: ActiveUsersParams,
  context: AskContext
): ReadonlyArray<ActiveUsersRow> => {
  if (params.rolling) return shapeRolling(raw, params, context)
  const { tz, interval, week_start } = params
  if (interval === "hour") return shapeHours(raw, params, context)
  const users = new Map(raw.map((row) => [integerOf(row, "bucket"), integerOf(row, "users")]))
  const first = intervalOfDay(dayOfDate(params.from), interval, week_start)
  const last = intervalOfDay(dayOfDate(params.to), interval, week_start)
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    date: dateOfDay(firstDayOf(first + index, interval, week_start)),
    users: users.get(first + index) ?? 0,
    complete: endOfInterval(tz, first + index, interval, week_start) <= context.as_of
  }))
}

const shapeHours = (raw: ReadonlyArray<RawRow>, params: ActiveUsersParams, context: AskContext) => {
  const key = (hour: number, offsetMicros: number) => `${hour} ${offsetMicros}`
  const users = new Map(
    raw.map((row) => [key(integerOf(row, "bucket"), integerOf(row, "offset_micros")), integerOf(row, "users")])
  )
  return hoursOf(params.tz, dayOfDate(params.from), dayOfDate(params.to) + 1).map((hour) => ({
    date: labelOfHour(hour),
    users: users.get(key(hour.hour, hour.offsetSeconds * 1_000_000)) ?? 0,
    complete: hour.endMicros <= context.as_of
  }))
}

const shapeRolling = (raw: ReadonlyArray<RawRow>, { from, to, tz }: ActiveUsersParams, context: AskContext) => {
  const byKind = new Map<number, Map<number, number>>()
  for (const row of raw) {
    const kind = integerOf(row, "kind")
    if (!byKind.has(kind)) byKind.set(kind, new Map())
    byKind.get(kind)!.set(integerOf(row, "bucket"), integerOf(row, "users"))
  }
  const on = (kind: number, day: number) => byKind.get(kind)?.get(day) ?? 0
  const rows: Array<ActiveUsersRow> = []
  let [wau, mau] = [0, 0]
  for (let day = dayOfDate(from) - MONTH_DAYS; day <= dayOfDate(to); day++) {
    const users = on(0, day)
    wau += users - on(WEEK_DAYS, day)
    mau += users - on(MONTH_DAYS, day)
    if (day < dayOfDate(from)) continue
    const complete = endOfDay(tz, day) <= context.as_of
    rows.push({
      date: dateOfDay(day),
      users,
      complete,
      wau,
      mau,
      dau_wau: ratio(users, wau),
      dau_mau: ratio(users, mau)
    })
  }
  return rows
}
