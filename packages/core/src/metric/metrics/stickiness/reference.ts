import type { Event } from "../../../event/Event.ts"
import { eachValue } from "../../breakdown/index.ts"
import { matchesEvent } from "../../events.ts"
import { labelIn, localBuckets } from "../../localTimeline.ts"
import type { AskContext } from "../../Metric.ts"
import { rowsOf, type StickinessParams, type StickinessRow } from "./model.ts"

/** The definition: count each user's active intervals. */
export const stickinessReference = (
  events: ReadonlyArray<Event>,
  params: StickinessParams,
  context: AskContext
): ReadonlyArray<StickinessRow> =>
  eachValue(events, params, activeUsers(params), (of) => {
    const users = localBuckets(params, context.as_of).map(() => 0)
    for (const intervals of intervalsOf(of, params).values()) users[intervals - 1]!++
    return rowsOf(users)
  })

/** Score by which values are ranked. */
export const activeUsers = (params: StickinessParams) => (events: ReadonlyArray<Event>) =>
  intervalsOf(events, params).size || undefined

/** User → number of the range's intervals in which the user was active. */
export const intervalsOf = (events: ReadonlyArray<Event>, params: StickinessParams): ReadonlyMap<string, number> => {
  const label = labelIn(params)
  const dates = new Set(localBuckets(params, 0).map(({ date }) => date))
  const active = new Map<string, Set<string>>()
  for (const event of events) {
    const date = label(event.occurred_at)
    if (!matchesEvent(event, params.event_type) || !dates.has(date)) continue
    active.set(event.user_id, (active.get(event.user_id) ?? new Set()).add(date))
  }
  return new Map([...active].map(([user, days]) => [user, days.size]))
}
