import { CALENDAR_FROM_MICROS, slotOf, slotsOf, wholeRange } from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import { matches } from "../../events.ts"
import type { AskContext, RawRow } from "../../Metric.ts"
import { integerOf } from "../../rows.ts"
import { eventsOf } from "../../source.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import type { LifecycleParams, LifecycleRow } from "./model.ts"

/**
 * Rows `(bucket, entered, returning, resurrecting, dormant)`, for intervals before the range as well. `dormant` belongs
 * to the interval after `bucket`.
 */
export const lifecycleSql = (params: LifecycleParams, { project_id }: AskContext, dialect: Dialect): SqlText => {
  const range = { fromMicros: CALENDAR_FROM_MICROS, untilMicros: wholeRange(params).untilMicros }
  const micros = dialect.occurredAtMicros
  return sql`
    WITH active AS (
      SELECT user_id, ${slotOf(params, range, micros, dialect)} AS bucket, MIN(${micros}) AS earliest
      FROM ${eventsOf(params, dialect)}
      WHERE project_id = ${project_id} AND ${matches(params.event_type)}
        AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}
      GROUP BY user_id, 2
    ), neighbours AS (
      SELECT bucket,
        earliest = MIN(earliest) OVER (PARTITION BY user_id) AS is_new,
        COALESCE(bucket - LAG(bucket) OVER (PARTITION BY user_id ORDER BY bucket) = 1, 1 = 0) AS was_active,
        COALESCE(LEAD(bucket) OVER (PARTITION BY user_id ORDER BY bucket) - bucket = 1, 1 = 0) AS stays
      FROM active
    )
    SELECT bucket, ${count(sql`is_new`)} AS entered, ${count(sql`NOT is_new AND was_active`)} AS returning_users,
      ${count(sql`NOT is_new AND NOT was_active`)} AS resurrecting, ${count(sql`NOT stays`)} AS dormant
    FROM neighbours GROUP BY bucket`
}

const count = (condition: SqlText) => sql`COUNT(CASE WHEN ${condition} THEN 1 END)`

export const shapeLifecycle = (
  raw: ReadonlyArray<RawRow>,
  params: LifecycleParams,
  context: AskContext
): ReadonlyArray<LifecycleRow> => {
  const byBucket = new Map(raw.map((row) => [integerOf(row, "bucket"), row]))
  const of = (bucket: number, column: string) => integerOf(byBucket.get(bucket) ?? {}, column)
  return slotsOf(params, context.as_of).map(({ bucket, complete, date }) => ({
    date,
    new: of(bucket, "entered"),
    returning: of(bucket, "returning_users"),
    resurrecting: of(bucket, "resurrecting"),
    dormant: 0 - of(bucket - 1, "dormant"),
    complete
  }))
}
