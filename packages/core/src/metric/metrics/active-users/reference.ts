import type { Event } from "../../../event/Event.ts"
import { IDENTIFY } from "../../events.ts"
import { addDays } from "../../localClock.ts"
import { labelIn, localSlots } from "../../localTimeline.ts"
import type { AskContext } from "../../Metric.ts"
import type { ActiveUsersParams, ActiveUsersRow } from "./model.ts"

/** The definition: look at each event's local clock, collect users in sets. */
export const activeUsersReference = (
  events: ReadonlyArray<Event>,
  params: ActiveUsersParams,
  context: AskContext
): ReadonlyArray<ActiveUsersRow> => {
  const label = labelIn(params)
  const byDate = new Map<string, Set<string>>()
  for (const event of events) {
    if (event.event_type === IDENTIFY) continue
    const date = label(event.occurred_at)
    if (!byDate.has(date)) byDate.set(date, new Set())
    byDate.get(date)!.add(event.user_id)
  }
  return localSlots(params, context.as_of).map(({ complete, date }) => {
    const users = byDate.get(date)?.size ?? 0
    return params.rolling ? { date, users, complete, ...trailing(byDate, date, users) } : { date, users, complete }
  })
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
