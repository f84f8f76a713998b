import { groupEvents, type Groups, shapeEach } from "../../breakdown/index.ts"
import { inTimeline, timelineBucket, timeBuckets, wholeRange } from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import { matches } from "../../events.ts"
import type { AskContext } from "../../Metric.ts"
import { integerOf, type RawRow } from "../../rows.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import { rowsOf, type StickinessParams, type StickinessRow } from "./model.ts"

/** Rows `(intervals, users)`. */
export const stickinessSql = (params: StickinessParams, context: AskContext, dialect: Dialect): SqlText => {
  const groups = eventsIn(params, context, dialect)
  return groups.answer(sql`
    SELECT ${groups.key}intervals, COUNT(*) AS users FROM (${countedSql(params, groups)}) AS counted
    GROUP BY ${groups.key}intervals`)
}

export const eventsIn = (params: StickinessParams, context: AskContext, dialect: Dialect): Groups => {
  const range = wholeRange(params)
  const counted = {
    columns: sql`user_id, ${timelineBucket(params, range, dialect.occurredAtMicros, dialect)} AS bucket`,
    where: sql`project_id = ${context.project_id} AND ${matches(params.event_type)}
      AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}`,
    among: inTimeline(params, sql`bucket`),
    score: sql`COUNT(DISTINCT user_id)`
  }
  return groupEvents(params, counted, context, dialect)
}

/** `(user_id, intervals)` */
export const countedSql = (params: StickinessParams, { key, source }: Groups): SqlText => sql`
  SELECT ${key}user_id, COUNT(DISTINCT bucket) AS intervals
  FROM ${source} WHERE ${inTimeline(params, sql`bucket`)}
  GROUP BY ${key}user_id`

export const shapeStickiness = (
  raw: ReadonlyArray<RawRow>,
  params: StickinessParams,
  context: AskContext
): ReadonlyArray<StickinessRow> =>
  shapeEach(raw, params, (rows) => {
    const users = timeBuckets(params, context.as_of).map(() => 0)
    for (const found of rows) users[integerOf(found, "intervals") - 1] = integerOf(found, "users")
    return rowsOf(users)
  })
