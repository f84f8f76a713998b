import type { Event } from "../../../event/Event.ts"
import { eachValue, usersAmong } from "../../breakdown/index.ts"
import { matchesEvent } from "../../events.ts"
import { addDays, firstDateOf } from "../../localClock.ts"
import { labelIn, localBuckets } from "../../localTimeline.ts"
import type { AskContext } from "../../Metric.ts"
import type { LifecycleCounts, LifecycleParams, LifecycleRow, State } from "./model.ts"

/** The definition: for each interval, sort each user ever seen into one of the four, or none. */
export const lifecycleReference = (
  events: ReadonlyArray<Event>,
  params: LifecycleParams,
  context: AskContext
): ReadonlyArray<LifecycleRow> =>
  eachValue(events, params, usersInRange(params, context), (of) => countsOf(of, params, context))

/** Score by which values are ranked: the users of all the range's intervals together. */
export const usersInRange = (params: LifecycleParams, { as_of }: AskContext) => {
  const label = labelIn(params)
  const dates = new Set(localBuckets(params, as_of).map(({ date }) => date))
  return (events: ReadonlyArray<Event>) =>
    usersAmong(events.filter((event) => matchesEvent(event, params.event_type) && dates.has(label(event.occurred_at))))
}

/** Each user's state in an interval, by its first date. */
export const statesOn = (
  events: ReadonlyArray<Event>,
  params: LifecycleParams
): ((date: string) => ReadonlyArray<readonly [user: string, state: State]>) => {
  const label = labelIn(params)
  const users = new Map<string, { first: number; readonly active: Set<string> }>()
  for (const event of events) {
    if (!matchesEvent(event, params.event_type)) continue
    const user = users.get(event.user_id) ?? { first: event.occurred_at, active: new Set() }
    users.set(event.user_id, user)
    user.first = Math.min(user.first, event.occurred_at)
    user.active.add(label(event.occurred_at))
  }
  return (date) => {
    const before = firstDateOf(addDays(date, -1), params.interval, params.week_start)
    return [...users].flatMap(([user, { active, first }]): ReadonlyArray<readonly [string, State]> => {
      if (!active.has(date)) return active.has(before) ? [[user, "dormant"]] : []
      if (label(first) === date) return [[user, "new"]]
      return [[user, active.has(before) ? "returning" : "resurrecting"]]
    })
  }
}

const countsOf = (
  events: ReadonlyArray<Event>,
  params: LifecycleParams,
  context: AskContext
): ReadonlyArray<LifecycleCounts> => {
  const states = statesOn(events, params)
  return localBuckets(params, context.as_of).map(({ complete, date }) => {
    const row = { date, new: 0, returning: 0, resurrecting: 0, dormant: 0, complete }
    for (const [, state] of states(date)) row[state] += state === "dormant" ? -1 : 1
    return row
  })
}
