import { groupEvents, type Groups, shapeEach } from "../../breakdown/index.ts"
import { dayOfDate, instantsOf, occurredIn } from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import { IDENTIFY } from "../../events.ts"
import type { AskContext } from "../../Metric.ts"
import { integerOf, textOf, type RawRow } from "../../rows.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import type { TopEventsParams, TopEventsRow } from "./model.ts"

/** Rows `(nth, event_type, events, users)`. */
export const topEventsSql = (params: TopEventsParams, context: AskContext, dialect: Dialect): SqlText => {
  const groups = eventsIn(params, context, dialect)
  return groups.answer(
    sql`SELECT ${groups.key}nth, ${dialect.text(sql`name`)} AS event_type, events, users FROM (${listedSql(groups)}) AS listed
      WHERE nth <= ${params.limit}`
  )
}

/** `(name, user_id)`, one row an event. */
export const eventsIn = (params: TopEventsParams, context: AskContext, dialect: Dialect): Groups => {
  const range = instantsOf(params.tz, dayOfDate(params.from), dayOfDate(params.to) + 1)
  const counted = {
    columns: sql`event_type AS name, user_id`,
    where: sql`project_id = ${context.project_id} AND event_type <> ${IDENTIFY} AND ${occurredIn(range, dialect)}`,
    score: sql`COUNT(*)`
  }
  return groupEvents(params, counted, context, dialect)
}

/** `(name, events, users, nth)`. Per user first: one hash table of (type, user) counts serves both numbers. */
const listedSql = ({ key, partition, source }: Groups): SqlText => sql`
  SELECT ${key}name, SUM(events) AS events, COUNT(*) AS users,
    ROW_NUMBER() OVER (${partition} ORDER BY SUM(events) DESC, name) AS nth
  FROM (SELECT ${key}name, user_id, COUNT(*) AS events FROM ${source} GROUP BY ${key}name, user_id) AS pairs
  GROUP BY ${key}name`

export const shapeTopEvents = (raw: ReadonlyArray<RawRow>, params: TopEventsParams): ReadonlyArray<TopEventsRow> =>
  shapeEach(raw, params, (rows) =>
    rows
      .toSorted((a, b) => integerOf(a, "nth") - integerOf(b, "nth"))
      .map((found) => ({
        event_type: textOf(found, "event_type"),
        events: integerOf(found, "events"),
        users: integerOf(found, "users")
      }))
  )
