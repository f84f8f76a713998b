import { groupEvents, type Groups, shapeEach } from "../../breakdown/index.ts"
import { dayOfDate, instantsOf, occurredIn } from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import { matches } from "../../events.ts"
import type { AskContext } from "../../Metric.ts"
import { integerOf, textOf, type RawRow } from "../../rows.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import { IDLE_MICROS, type PathsParams, type PathsRow, SESSION_MICROS } from "./model.ts"

/** Rows `(nth, source, target, transitions, users)`. */
export const pathsSql = (params: PathsParams, context: AskContext, dialect: Dialect): SqlText => {
  const groups = eventsIn(params, context, dialect)
  return groups.answer(sql`
    WITH RECURSIVE ${pairsSql(groups)}
    SELECT ${groups.key}nth, ${dialect.text(sql`name_before`)} AS source, ${dialect.text(sql`name`)} AS target, transitions, users
    FROM listed WHERE nth <= ${params.limit}`)
}

/** `(user_id, t, id, name)`, one row an event. */
export const eventsIn = (params: PathsParams, context: AskContext, dialect: Dialect): Groups => {
  const { from, property, to, tz } = params
  const name = property === undefined ? sql`event_type` : dialect.propertyText(property)
  const range = instantsOf(tz, dayOfDate(from), dayOfDate(to) + 1)
  const counted = {
    columns: sql`user_id, ${dialect.occurredAtMicros} AS t, event_id AS id, ${name} AS name`,
    where: sql`project_id = ${context.project_id} AND ${matches(undefined)} AND ${name} IS NOT NULL AND ${occurredIn(range, dialect)}`,
    score: sql`COUNT(*)`
  }
  return groupEvents(params, counted, context, dialect)
}

/**
 * `pairs`: `(name_before, name, user_id, transitions)`, and `listed`: `(name_before, name, transitions, users, nth)`.
 * `islands` are stretches without a long pause; only those of more than a session's length are walked, cut by cut, where
 * each event knows the first that lies a session's length behind it.
 */
export const pairsSql = ({ key, partition, source }: Groups): SqlText => sql`
  steps AS (
    SELECT ${key}user_id, t, id, name, LAG(t) OVER (PARTITION BY ${key}user_id ORDER BY t, id) AS before,
      LAG(name) OVER (PARTITION BY ${key}user_id ORDER BY t, id) AS name_before
    FROM ${source}
  ),
  islands AS (
    SELECT ${key}user_id, t, SUM(CASE WHEN t - before <= ${IDLE_MICROS} THEN 0 ELSE 1 END)
      OVER (PARTITION BY ${key}user_id ORDER BY t, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS island
    FROM steps
  ), long AS (
    SELECT ${key}user_id, island, MIN(t) AS start FROM islands GROUP BY ${key}user_id, island HAVING MAX(t) - MIN(t) > ${SESSION_MICROS}
  ), leaps AS (
    SELECT DISTINCT ${key}user_id, island, t, FIRST_VALUE(t) OVER (
      PARTITION BY ${key}user_id, island ORDER BY t RANGE BETWEEN ${SESSION_MICROS + 1} FOLLOWING AND UNBOUNDED FOLLOWING
    ) AS next
    FROM islands JOIN long USING (${key}user_id, island)
  ), cuts AS (
    SELECT ${key}user_id, island, start FROM long
    UNION ALL
    SELECT ${key}user_id, island, leaps.next AS start
    FROM cuts JOIN leaps USING (${key}user_id, island)
    WHERE leaps.t = cuts.start AND leaps.next IS NOT NULL
  ), starts AS (SELECT ${key}user_id, start AS t, 1 AS cut FROM cuts),
  pairs AS (
    SELECT ${key}name_before, name, user_id, COUNT(*) AS transitions
    FROM steps LEFT JOIN starts USING (${key}user_id, t)
    WHERE steps.t - steps.before <= ${IDLE_MICROS} AND (starts.cut IS NULL OR steps.before = steps.t)
    GROUP BY ${key}name_before, name, user_id
  ), listed AS (
    SELECT ${key}name_before, name, SUM(transitions) AS transitions, COUNT(*) AS users,
      ROW_NUMBER() OVER (${partition} ORDER BY SUM(transitions) DESC, name_before, name) AS nth
    FROM pairs GROUP BY ${key}name_before, name
  )`

export const shapePaths = (raw: ReadonlyArray<RawRow>, params: PathsParams): ReadonlyArray<PathsRow> =>
  shapeEach(raw, params, (rows) =>
    rows
      .toSorted((a, b) => integerOf(a, "nth") - integerOf(b, "nth"))
      .map((found) => ({
        from: textOf(found, "source"),
        to: textOf(found, "target"),
        transitions: integerOf(found, "transitions"),
        users: integerOf(found, "users")
      }))
  )
