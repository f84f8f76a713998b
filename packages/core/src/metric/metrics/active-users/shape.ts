import { dayOfDate, slotsOf } from "../../calendar.ts"
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
  const users = new Map(raw.map((row) => [integerOf(row, "bucket"), integerOf(row, "users")]))
  return slotsOf(params, context.as_of).map(({ bucket, complete, date }) => ({
    date,
    users: users.get(bucket) ?? 0,
    complete
  }))
}

const shapeRolling = (raw: ReadonlyArray<RawRow>, params: ActiveUsersParams, context: AskContext) => {
  const byKind = new Map<number, Map<number, number>>()
  for (const row of raw) {
    const kind = integerOf(row, "kind")
    if (!byKind.has(kind)) byKind.set(kind, new Map())
    byKind.get(kind)!.set(integerOf(row, "bucket"), integerOf(row, "users"))
  }
  const on = (kind: number, day: number) => byKind.get(kind)?.get(day) ?? 0
  const rows: Array<ActiveUsersRow> = []
  let [wau, mau] = [0, 0]
  const advance = (day: number) => {
    wau += on(0, day) - on(WEEK_DAYS, day)
    mau += on(0, day) - on(MONTH_DAYS, day)
  }
  const first = dayOfDate(params.from)
  for (let day = first - MONTH_DAYS; day < first; day++) advance(day)
  for (const { bucket, complete, date } of slotsOf(params, context.as_of)) {
    advance(bucket)
    const users = on(0, bucket)
    rows.push({ date, users, complete, wau, mau, dau_wau: ratio(users, wau), dau_mau: ratio(users, mau) })
  }
  return rows
}
