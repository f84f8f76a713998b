import { dayOfDate, instantsOf, occurredIn } from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import { matches } from "../../events.ts"
import type { AskContext } from "../../Metric.ts"
import { eventsOf } from "../../source.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import { IDLE_MICROS, type PathsParams, SESSION_MICROS } from "./model.ts"

/**
 * Rows `(source, target, transitions, users)`, in their order. `islands` are stretches without a long pause; only those
 * of more than a session's length are walked, cut by cut.
 */
export const pathsSql = (params: PathsParams, context: AskContext, dialect: Dialect): SqlText => sql`
  WITH RECURSIVE steps AS (${stepsSql(params, context, dialect)}),
  islands AS (
    SELECT user_id, t, SUM(CASE WHEN t - before <= ${IDLE_MICROS} THEN 0 ELSE 1 END)
      OVER (PARTITION BY user_id ORDER BY t, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS island
    FROM steps
  ), long AS (
    SELECT user_id, island, MIN(t) AS start FROM islands GROUP BY user_id, island HAVING MAX(t) - MIN(t) > ${SESSION_MICROS}
  ), cuts AS (
    SELECT user_id, island, start FROM long
    UNION ALL
    SELECT cuts.user_id, cuts.island, MIN(islands.t) AS start
    FROM cuts JOIN islands ON cuts.user_id = islands.user_id AND cuts.island = islands.island
    WHERE islands.t > cuts.start + ${SESSION_MICROS}
    GROUP BY cuts.user_id, cuts.island
  ), pairs AS (
    SELECT steps.name_before AS source, steps.name AS target, steps.user_id, COUNT(*) AS transitions
    FROM steps LEFT JOIN cuts ON steps.user_id = cuts.user_id AND steps.t = cuts.start AND steps.before < steps.t
    WHERE steps.t - steps.before <= ${IDLE_MICROS} AND cuts.start IS NULL
    GROUP BY 1, 2, 3
  )
  SELECT ${dialect.text(sql`pairs.source`)} AS source, ${dialect.text(sql`pairs.target`)} AS target,
    SUM(transitions) AS transitions, COUNT(*) AS users
  FROM pairs GROUP BY pairs.source, pairs.target
  ORDER BY 3 DESC, pairs.source, pairs.target
  LIMIT ${params.limit}`

/** `(user_id, t, id, name, before, name_before)` */
const stepsSql = (params: PathsParams, { project_id }: AskContext, dialect: Dialect): SqlText => {
  const { from, property, to, tz } = params
  const name = property === undefined ? sql`event_type` : dialect.propertyText(property)
  const range = instantsOf(tz, dayOfDate(from), dayOfDate(to) + 1)
  return sql`
    SELECT user_id, t, id, name, LAG(t) OVER (PARTITION BY user_id ORDER BY t, id) AS before,
      LAG(name) OVER (PARTITION BY user_id ORDER BY t, id) AS name_before
    FROM (
      SELECT user_id, ${dialect.occurredAtMicros} AS t, event_id AS id, ${name} AS name FROM ${eventsOf(params, dialect)}
      WHERE project_id = ${project_id} AND ${matches(undefined)} AND ${occurredIn(range, dialect)}
    ) AS named
    WHERE name IS NOT NULL`
}
