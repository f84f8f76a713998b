import { Schema } from "effect"
import { dayOfDate, instantsOf, occurredIn } from "../calendar.ts"
import { IDENTIFY } from "../events.ts"
import { localClock } from "../localClock.ts"
import { define } from "../Metric.ts"
import * as Params from "../params.ts"
import { compareCodePoints, integerOf, textOf } from "../rows.ts"
import { eventsOf } from "../source.ts"
import { sql } from "../SqlText.ts"

const params = Schema.Struct({
  from: Params.from,
  to: Params.to,
  tz: Params.tz,
  limit: Params.limit,
  where: Params.where
}).check(Params.rangeCheck)

const row = Schema.Struct({ event_type: Schema.String, events: Schema.Int, users: Schema.Int })

/** Events and distinct users per event type; ties in events are broken by event type, ascending by code point. */
export const topEvents = define({
  name: "top-events",
  description: "The most frequent event types in a range, with their distinct users.",
  params,
  row,
  sql: (asked, { project_id }, dialect) => {
    const { from, to, tz, limit } = asked
    const range = instantsOf(tz, dayOfDate(from), dayOfDate(to) + 1)
    // Per user first: one hash table of (type, user) counts serves both numbers.
    return sql`
      SELECT ${dialect.text(sql`name`)} AS event_type, SUM(events) AS events, COUNT(*) AS users
      FROM (
        SELECT event_type AS name, user_id, COUNT(*) AS events FROM ${eventsOf(asked, dialect)}
        WHERE project_id = ${project_id} AND event_type <> ${IDENTIFY} AND ${occurredIn(range, dialect)}
        GROUP BY event_type, user_id
      ) AS pairs
      GROUP BY name
      ORDER BY 2 DESC, name ASC
      LIMIT ${limit}`
  },
  shape: (raw) =>
    raw.map((found) => ({
      event_type: textOf(found, "event_type"),
      events: integerOf(found, "events"),
      users: integerOf(found, "users")
    })),
  reference: (events, { from, to, tz, limit }) => {
    const clock = localClock(tz)
    const byType = new Map<string, { events: number; users: Set<string> }>()
    for (const event of events) {
      const date = clock.date(event.occurred_at)
      if (event.event_type === IDENTIFY || date < from || date > to) continue
      const found = byType.get(event.event_type) ?? { events: 0, users: new Set() }
      byType.set(event.event_type, found)
      found.events++
      found.users.add(event.user_id)
    }
    return [...byType]
      .map(([event_type, found]) => ({ event_type, events: found.events, users: found.users.size }))
      .toSorted((a, b) => b.events - a.events || compareCodePoints(a.event_type, b.event_type))
      .slice(0, limit)
  }
})
