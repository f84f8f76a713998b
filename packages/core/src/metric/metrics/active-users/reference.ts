import type { Event } from "../../../event/Event.ts"
import { IDENTIFY } from "../../events.ts"
import { addDays, firstDateOf, type LocalClock, localClock, nextFirstDate } from "../../localClock.ts"
import type { AskContext } from "../../Metric.ts"
import type { ActiveUsersParams, ActiveUsersRow } from "./model.ts"

/** The definition: look at each event's local clock, collect users in sets. */
export const activeUsersReference = (
  events: ReadonlyArray<Event>,
  params: ActiveUsersParams,
  context: AskContext
): ReadonlyArray<ActiveUsersRow> => {
  const clock = localClock(params.tz)
  const counted = events.filter((event) => event.event_type !== IDENTIFY)
  if (params.interval === "hour") return hourly(counted, params, context, clock)
  const { interval, week_start } = params
  const byDate = usersBy(counted, (event) => firstDateOf(clock.date(event.occurred_at), interval, week_start))
  const openFrom = clock.earliestDateFrom(context.as_of)
  const rows: Array<ActiveUsersRow> = []
  let first = firstDateOf(params.from, interval, week_start)
  while (first <= params.to) {
    const next = nextFirstDate(first, interval)
    const users = byDate.get(first)?.size ?? 0
    const row = { date: first, users, complete: next <= openFrom }
    rows.push(params.rolling ? { ...row, ...trailing(byDate, first, users) } : row)
    first = next
  }
  return rows
}

const usersBy = (events: ReadonlyArray<Event>, label: (event: Event) => string) => {
  const groups = new Map<string, Set<string>>()
  for (const event of events) {
    const key = label(event)
    if (!groups.has(key)) groups.set(key, new Set())
    groups.get(key)!.add(event.user_id)
  }
  return groups
}

const trailing = (byDate: ReadonlyMap<string, ReadonlySet<string>>, date: string, dau: number) => {
  const distinct = (days: number) => {
    const users = new Set<string>()
    for (let back = 0; back < days; back++) for (const user of byDate.get(addDays(date, -back)) ?? []) users.add(user)
    return users.size
  }
  const [wau, mau] = [distinct(7), distinct(30)]
  return { wau, mau, dau_wau: wau === 0 ? 0 : dau / wau, dau_mau: mau === 0 ? 0 : dau / mau }
}

const QUARTER_MICROS = 900_000_000
const DAY_MICROS = 86_400_000_000

/** Every running hour lasts past a quarter hour of UTC, so walking by quarters meets each of them. */
const hourly = (
  events: ReadonlyArray<Event>,
  { from, to }: ActiveUsersParams,
  { as_of }: AskContext,
  clock: LocalClock
): ReadonlyArray<ActiveUsersRow> => {
  const byHour = usersBy(events, (event) => clock.hour(event.occurred_at))
  const now = clock.hour(as_of)
  const rows = new Map<string, ActiveUsersRow>()
  const end = Date.parse(`${to}T00:00:00Z`) * 1000 + 3 * DAY_MICROS
  for (let at = Date.parse(`${from}T00:00:00Z`) * 1000 - 2 * DAY_MICROS; at < end; at += QUARTER_MICROS) {
    const date = clock.hour(at)
    if (date.slice(0, 10) < from || date.slice(0, 10) > to || rows.has(date)) continue
    rows.set(date, { date, users: byHour.get(date)?.size ?? 0, complete: at <= as_of && date !== now })
  }
  return [...rows.values()]
}
