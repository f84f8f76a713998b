import type { Event } from "../../../event/Event.ts"
import { matchesEvent } from "../../events.ts"
import { addDays, firstDateOf } from "../../localClock.ts"
import { labelIn, localSlots } from "../../localTimeline.ts"
import type { AskContext } from "../../Metric.ts"
import type { LifecycleParams, LifecycleRow } from "./model.ts"

/** The definition: for each interval, sort each user ever seen into one of the four, or none. */
export const lifecycleReference = (
  events: ReadonlyArray<Event>,
  params: LifecycleParams,
  context: AskContext
): ReadonlyArray<LifecycleRow> => {
  const label = labelIn(params)
  const users = new Map<string, { first: number; readonly active: Set<string> }>()
  for (const event of events) {
    if (!matchesEvent(event, params.event_type)) continue
    const user = users.get(event.user_id) ?? { first: event.occurred_at, active: new Set() }
    users.set(event.user_id, user)
    user.first = Math.min(user.first, event.occurred_at)
    user.active.add(label(event.occurred_at))
  }
  return localSlots(params, context.as_of).map(({ complete, date }) => {
    const before = firstDateOf(addDays(date, -1), params.interval, params.week_start)
    const row = { date, new: 0, returning: 0, resurrecting: 0, dormant: 0, complete }
    for (const { active, first } of users.values()) {
      if (!active.has(date)) row.dormant -= active.has(before) ? 1 : 0
      else if (label(first) === date) row.new++
      else if (active.has(before)) row.returning++
      else row.resurrecting++
    }
    return row
  })
}
