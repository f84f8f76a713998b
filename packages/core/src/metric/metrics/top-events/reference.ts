import type { Event } from "../../../event/Event.ts"
import { eachValue } from "../../breakdown/index.ts"
import { IDENTIFY } from "../../events.ts"
import { localClock } from "../../localClock.ts"
import { compareCodePoints } from "../../rows.ts"
import type { TopEventsParams, TopEventsRow } from "./model.ts"

/** The definition: put the range's events into groups, count them and their users. */
export const topEventsReference = (
  events: ReadonlyArray<Event>,
  params: TopEventsParams
): ReadonlyArray<TopEventsRow> =>
  eachValue(events, params, eventsInRange(params), (of) =>
    groupByType(of, params)
      .slice(0, params.limit)
      .map(([event_type, group]) => ({
        event_type,
        events: group.length,
        users: new Set(group.map(({ user_id }) => user_id)).size
      }))
  )

/** Score by which values are ranked. */
export const eventsInRange = (params: TopEventsParams) => (events: ReadonlyArray<Event>) =>
  inRange(events, params).length || undefined

const inRange = (events: ReadonlyArray<Event>, { from, to, tz }: TopEventsParams): ReadonlyArray<Event> => {
  const clock = localClock(tz)
  return events.filter((event) => {
    const date = clock.date(event.occurred_at)
    return event.event_type !== IDENTIFY && date >= from && date <= to
  })
}

/** Event types with their events, in the order of their rows. */
export const groupByType = (events: ReadonlyArray<Event>, params: TopEventsParams) =>
  [...Map.groupBy(inRange(events, params), ({ event_type }) => event_type)].toSorted(
    ([a, these], [b, those]) => those.length - these.length || compareCodePoints(a, b)
  )
