import { breakdownColumns, placedSql, rankedSql } from "../../breakdown.ts"
import { inSlots, slotOf, wholeRange } from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import { matches } from "../../events.ts"
import type { AskContext } from "../../Metric.ts"
import { eventsOf } from "../../source.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import { PERCENT, type TrendParams } from "./model.ts"

/**
 * Rows `(bucket, value, numbers)`: the measure, for `avg` its sum, and how many numbers it was made of. With a
 * breakdown also `place`, and one row `(place, kind, label, amount)` with null for `bucket` that says what a place is.
 */
export const trendSql = (params: TrendParams, context: AskContext, dialect: Dialect): SqlText => {
  if (params.breakdown === undefined) {
    return measured(params, sql`(${foundSql(params, context, dialect)}) AS found`, sql`bucket`, dialect)
  }
  return sql`
    WITH found AS (
        SELECT * FROM (${foundSql(params, context, dialect)}) AS every WHERE ${inSlots(params, sql`bucket`)}
      ),
      ranked AS (${rankedSql(sql`found`, scoreOf(params, dialect))}),
      placed AS (${placedSql(sql`found`, sql`ranked`)}),
      measured AS (${measured(params, sql`placed`, sql`place, bucket`, dialect)})
    SELECT place, bucket, value, numbers, 0 AS kind, ${dialect.text(sql`''`)} AS label, ${dialect.double(0)} AS amount FROM measured
    UNION ALL
    SELECT place, NULL, NULL, 0, kind, ${dialect.text(sql`label`)}, amount FROM ranked`
}

/** One row an event: `(bucket, user_id, value)`, with a breakdown `(kind, label, amount)` as well. */
const foundSql = (params: TrendParams, { project_id }: AskContext, dialect: Dialect): SqlText => {
  const range = wholeRange(params)
  const value = params.property === undefined ? sql`NULL` : dialect.propertyNumber(params.property)
  const columns = params.breakdown === undefined ? sql`` : sql`, ${breakdownColumns(params.breakdown, dialect)}`
  return sql`
    SELECT ${slotOf(params, range, dialect.occurredAtMicros, dialect)} AS bucket, user_id, ${value} AS value ${columns}
    FROM ${eventsOf(params, dialect)}
    WHERE project_id = ${project_id} AND ${matches(params.event_type)}
      AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}`
}

const measured = (params: TrendParams, source: SqlText, keys: SqlText, dialect: Dialect): SqlText =>
  params.measure === "users"
    ? sql`SELECT ${keys}, COUNT(*) AS value, 0 AS numbers FROM (SELECT DISTINCT ${keys}, user_id FROM ${source}) AS users GROUP BY ${keys}`
    : sql`SELECT ${keys}, ${aggregateOf(params, dialect)} AS value, COUNT(value) AS numbers FROM ${source} GROUP BY ${keys}`

const aggregateOf = ({ measure }: TrendParams, dialect: Dialect): SqlText => {
  const percent = PERCENT[measure]
  if (percent !== undefined) return dialect.percentile(sql`value`, percent)
  if (measure === "min") return sql`MIN(value)`
  if (measure === "max") return sql`MAX(value)`
  return measure === "events" ? sql`COUNT(*)` : dialect.sumOfDoubles(sql`value`)
}

/** What values are ranked by: the measure over the whole range. */
const scoreOf = (params: TrendParams, dialect: Dialect): SqlText => {
  if (params.measure === "users") return sql`COUNT(DISTINCT user_id)`
  const aggregate = aggregateOf(params, dialect)
  if (params.measure === "avg") return dialect.finite(sql`${aggregate} / NULLIF(COUNT(value), 0)`)
  return params.measure === "sum" ? dialect.finite(sql`COALESCE(${aggregate}, ${dialect.double(0)})`) : aggregate
}
