import type { Event } from "../../../event/Event.ts"
import { eachValue, usersAmong } from "../../breakdown/index.ts"
import { IDENTIFY } from "../../events.ts"
import { addDays } from "../../localClock.ts"
import { labelIn, localBuckets } from "../../localTimeline.ts"
import type { AskContext } from "../../Metric.ts"
import type { ActiveUsersCounts, ActiveUsersParams, ActiveUsersRow } from "./model.ts"

/** The definition: look at each event's local clock, collect users in sets. */
export const activeUsersReference = (
  events: ReadonlyArray<Event>,
  params: ActiveUsersParams,
  context: AskContext
): ReadonlyArray<ActiveUsersRow> =>
  eachValue(events, params, usersInRange(params, context), (of) => countsOf(of, params, context))

/** Score by which values are ranked: the users of all the range's intervals together. */
export const usersInRange = (params: ActiveUsersParams, context: AskContext) => {
  const label = labelIn(params)
  const dates = new Set(localBuckets(params, context.as_of).map(({ date }) => date))
  return (events: ReadonlyArray<Event>) =>
    usersAmong(events.filter(({ event_type, occurred_at }) => event_type !== IDENTIFY && dates.has(label(occurred_at))))
}

/** Who was active in each interval; the trailing days of a date are looked up in it. */
export const activeByDate = (
  events: ReadonlyArray<Event>,
  params: ActiveUsersParams
): ReadonlyMap<string, ReadonlySet<string>> => {
  const label = labelIn(params)
  const byDate = new Map<string, Set<string>>()
  for (const event of events) {
    if (event.event_type === IDENTIFY) continue
    const date = label(event.occurred_at)
    if (!byDate.has(date)) byDate.set(date, new Set())
    byDate.get(date)!.add(event.user_id)
  }
  return byDate
}

/** The users of so many days that end with the date. */
export const activeWithin = (byDate: ReadonlyMap<string, ReadonlySet<string>>, date: string, days: number) => {
  const users = new Set<string>()
  for (let back = 0; back < days; back++) for (const user of byDate.get(addDays(date, -back)) ?? []) users.add(user)
  return users
}

const countsOf = (
  events: ReadonlyArray<Event>,
  params: ActiveUsersParams,
  context: AskContext
): ReadonlyArray<ActiveUsersCounts> => {
  const byDate = activeByDate(events, params)
  return localBuckets(params, context.as_of).map(({ complete, date }) => {
    const users = byDate.get(date)?.size ?? 0
    return params.rolling ? { date, users, complete, ...trailing(byDate, date, users) } : { date, users, complete }
  })
}

const trailing = (byDate: ReadonlyMap<string, ReadonlySet<string>>, date: string, dau: number) => {
  const [wau, mau] = [activeWithin(byDate, date, 7).size, activeWithin(byDate, date, 30).size]
  return { wau, mau, dau_wau: wau === 0 ? 0 : dau / wau, dau_mau: mau === 0 ? 0 : dau / mau }
}
