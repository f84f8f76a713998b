import { groupCounts, groupEvents, type Groups } from "../../breakdown/index.ts"
import { inTimeline, timelineBucket, wholeRange } from "../../calendar.ts"
import type { Dialect } from "../../Dialect.ts"
import { matches } from "../../events.ts"
import type { Field } from "../../filter/index.ts"
import type { AskContext } from "../../Metric.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import { PERCENT, type TrendParams } from "./model.ts"

/** Rows `(bucket, value, numbers)`: the measure, for `avg` its sum, and how many numbers it was made of. */
export const trendSql = (params: TrendParams, context: AskContext, dialect: Dialect): SqlText => {
  if (isTallied(params)) {
    const { answer, key, source } = talliesIn(params, context, dialect)
    return answer(sql`SELECT ${key}bucket, SUM(n) AS value, 0 AS numbers FROM ${source} GROUP BY ${key}bucket`)
  }
  const { answer, key, source } = eventsIn(params, context, dialect)
  return answer(
    params.measure === "users"
      ? sql`SELECT ${key}bucket, COUNT(*) AS value, 0 AS numbers FROM (SELECT DISTINCT ${key}bucket, user_id FROM ${source}) AS users GROUP BY ${key}bucket`
      : sql`SELECT ${key}bucket, ${aggregateOf(params, dialect)} AS value, COUNT(value) AS numbers FROM ${source} GROUP BY ${key}bucket`
  )
}

/** Where events are only counted, and by a value of their own. */
const isTallied = (params: TrendParams): params is TrendParams & { readonly breakdown: Field } =>
  params.measure === "events" && params.breakdown !== undefined && params.breakdown_of === "event"

/** `(bucket, n)`. */
const talliesIn = (
  params: TrendParams & { readonly breakdown: Field },
  context: AskContext,
  dialect: Dialect
): Groups => {
  const { among, bucket, where } = countedIn(params, context, dialect)
  return groupCounts(params, { column: bucket, name: sql`bucket`, where, among }, dialect)
}

/** `(bucket, user_id, value)`, one row an event. */
export const eventsIn = (params: TrendParams, context: AskContext, dialect: Dialect): Groups => {
  const { among, bucket, where } = countedIn(params, context, dialect)
  const value = params.property === undefined ? sql`NULL` : dialect.propertyNumber(params.property)
  const columns = sql`${bucket} AS bucket, user_id, ${value} AS value`
  // Values without any number to aggregate have no part in the answer.
  const ranking = params.property === undefined ? among : sql`${among} AND value IS NOT NULL`
  return groupEvents(params, { columns, where, among: ranking, score: scoreOf(params, dialect) }, context, dialect)
}

const countedIn = (params: TrendParams, context: AskContext, dialect: Dialect) => {
  const range = wholeRange(params)
  return {
    bucket: timelineBucket(params, range, dialect.occurredAtMicros, dialect),
    where: sql`project_id = ${context.project_id} AND ${matches(params.event_type)}
      AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}`,
    among: inTimeline(params, sql`bucket`)
  }
}

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
  if (params.measure === "avg") return dialect.finite(dialect.over(aggregate, sql`COUNT(value)`))
  return params.measure === "sum" ? dialect.finite(aggregate) : aggregate
}
