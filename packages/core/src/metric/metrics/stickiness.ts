import { Schema } from "effect"
import type { Event } from "../../event/Event.ts"
import { inSlots, slotOf, slotsOf, wholeRange } from "../calendar.ts"
import { matches, matchesEvent } from "../events.ts"
import { labelIn, localSlots } from "../localTimeline.ts"
import { define } from "../Metric.ts"
import * as Params from "../params.ts"
import { integerOf } from "../rows.ts"
import { eventsOf } from "../source.ts"
import { sql } from "../SqlText.ts"

const params = Schema.Struct({
  ...Params.dateTimeline,
  event_type: Params.optionalEventType,
  where: Params.where
}).check(Params.rangeCheck)

const row = Schema.Struct({
  intervals: Schema.Int.annotate({ description: "From 1 to the number of intervals that the range touches." }),
  users: Schema.Int.annotate({ description: "Active in exactly so many of them." }),
  at_least: Schema.Int.annotate({ description: "Active in so many or more." })
})

/** `users[n − 1]`: active in exactly n intervals. */
const rowsOf = (users: ReadonlyArray<number>) => {
  let at_least = users.reduce((sum, count) => sum + count, 0)
  return users.map((count, index) => {
    const found = { intervals: index + 1, users: count, at_least }
    at_least -= count
    return found
  })
}

const histogramOf = (events: ReadonlyArray<Event>, asked: (typeof params)["Type"], as_of: number) => {
  const label = labelIn(asked)
  const dates = new Set(localSlots(asked, as_of).map(({ date }) => date))
  const active = new Map<string, Set<string>>()
  for (const event of events) {
    const date = label(event.occurred_at)
    if (!matchesEvent(event, asked.event_type) || !dates.has(date)) continue
    active.set(event.user_id, (active.get(event.user_id) ?? new Set()).add(date))
  }
  const users = Array.from(dates, () => 0)
  for (const days of active.values()) users[days.size - 1]!++
  return users
}

/** Users by the number of intervals of the range in which they were active; each interval counted whole. */
export const stickiness = define({
  name: "stickiness",
  description: "How many users were active in exactly 1, 2, 3 … of the range's intervals.",
  params,
  row,
  sql: (asked, { project_id }, dialect) => {
    const range = wholeRange(asked)
    return sql`
      SELECT intervals, COUNT(*) AS users
      FROM (
        SELECT user_id, COUNT(DISTINCT bucket) AS intervals
        FROM (
          SELECT user_id, ${slotOf(asked, range, dialect.occurredAtMicros, dialect)} AS bucket FROM ${eventsOf(asked, dialect)}
          WHERE project_id = ${project_id} AND ${matches(asked.event_type)}
            AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}
        ) AS placed
        WHERE ${inSlots(asked, sql`bucket`)}
        GROUP BY user_id
      ) AS counted
      GROUP BY intervals`
  },
  shape: (raw, asked, context) => {
    const users = slotsOf(asked, context.as_of).map(() => 0)
    for (const found of raw) users[integerOf(found, "intervals") - 1] = integerOf(found, "users")
    return rowsOf(users)
  },
  reference: (events, asked, context) => rowsOf(histogramOf(events, asked, context.as_of))
})
