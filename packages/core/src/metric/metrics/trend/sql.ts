import type { Dialect } from "../../Dialect.ts"
import type { AskContext } from "../../Metric.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import { groupCounts, groupEvents, type Groups, shapeEach } from "../../breakdown/index.ts"
import { inTimeline, timeBuckets, timelineBucket, wholeRange } from "../../calendar.ts"
import { matches } from "../../events.ts"
import type { Field } from "../../filter/index.ts"
import { emptyValue, PERCENT, type TrendParams, type TrendRow } from "./model.ts"
import { integerOf, type RawRow } from "../../rows.ts"

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

/** Fills the gaps and divides averages. */
export const shapeTrend = (
  raw: ReadonlyArray<RawRow>,
  params: TrendParams,
  context: AskContext
): ReadonlyArray<TrendRow> => {
  const buckets = timeBuckets(params, context.as_of)
  return shapeEach(raw, params, (rows) => {
    const byBucket = new Map(rows.map((row) => [integerOf(row, "bucket"), row]))
    return buckets.map(({ bucket, complete, date }) => ({
      date,
      value: valueIn(byBucket.get(bucket), params),
      complete
    }))
  })
}

const valueIn = (row: RawRow | undefined, { measure }: TrendParams): number | null => {
  if (row === undefined) return emptyValue(measure)
  if (measure === "events" || measure === "users") return integerOf(row, "value")
  const numbers = integerOf(row, "numbers")
  if (numbers === 0) return emptyValue(measure)
  const value = Number(row["value"])
  const result = measure === "avg" ? value / numbers : value
  return Number.isFinite(result) ? result + 0 : null
}
