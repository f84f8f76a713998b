import { type Dialect, join, sql, type SqlText } from "@millrace/core"
import { exactSum } from "./exactSum.ts"
import { canonical, decoded, propertySql, readTogether } from "./properties.ts"

/** `/` cuts towards zero; no value here lies this many divisors below it (dates from 1970, differences of dates). */
const LIFT = 100_000
const SCALE_BITS = 60
const DAY_MICROS = 86_400_000_000

const RESOLVED = sql`(
  SELECT raw.project_id, raw.event_id, raw.occurred_at, COALESCE(identities.user_id, raw.user_id) AS user_id,
    raw.event_type, raw.properties, raw.received_at, raw.skew_micros
  FROM events AS raw
  LEFT JOIN identities ON raw.project_id = identities.project_id AND raw.user_id = identities.anonymous_id
) AS events`

/** A filter's list as rows: a subquery is hashed once, however long it is. */
const elementsOf = (list: ReadonlyArray<string | number>): SqlText =>
  sql`SELECT element FROM jsonb_array_elements_text(${JSON.stringify(list)}::jsonb) AS element`

/** The least of each column from an instant on: rows of both sides, one an instant, looked through backwards. */
const withNext: Dialect["withNext"] = (left, right) => {
  const each = (of: (column: SqlText) => SqlText) =>
    join(
      right.columns.map((column) => of(COLUMN[column])),
      sql`, `
    )
  return sql`
    ${left.rows} AS ${left.name}
    LEFT JOIN (
      SELECT user_id, instant, ${each((column) => sql`MIN(MIN(${column})) OVER later AS ${column}`)}
      FROM (
        SELECT user_id, ${left.time} AS instant, ${each((column) => sql`NULL::bigint AS ${column}`)} FROM ${left.rows} AS ${left.name}
        UNION ALL
        SELECT user_id, t, ${each((column) => column)} FROM ${right.rows} AS ${right.name}
      ) AS both_sides
      GROUP BY user_id, instant
      WINDOW later AS (PARTITION BY user_id ORDER BY instant DESC ROWS UNBOUNDED PRECEDING)
    ) AS ${right.name} ON ${left.name}.user_id = ${right.name}.user_id AND ${left.time} = ${right.name}.instant`
}

const COLUMN = { t: sql`t`, pos: sql`pos` } as const

/** `1970-01-01` and whole days after it. */
const dateOf = (micros: SqlText): SqlText => sql`(DATE 'epoch' + (${floorDiv(micros, DAY_MICROS)})::int)`

const floorDiv = (value: SqlText, divisor: number): SqlText =>
  sql`((${value} + ${LIFT * divisor}) / ${divisor} - ${LIFT})`

export const dialect: Dialect = {
  name: "postgres",
  events: RESOLVED,
  occurredAtMicros: sql`occurred_at`,
  occurredBetween: (fromMicros, untilMicros) => sql`(occurred_at >= ${fromMicros} AND occurred_at < ${untilMicros})`,
  text: (value) => value,
  floorDiv,
  wholeDiv: (value, divisor) => sql`(${value} / ${divisor})`,
  monthIndex: (micros) =>
    sql`(date_part('year', ${dateOf(micros)}) * 12 + date_part('month', ${dateOf(micros)}) - 1)::bigint`,
  occurredDay: sql`(occurred_at / ${DAY_MICROS})`,
  bitAt: (position) => sql`(1::bigint << (${position})::int)`,
  bitOr: (value) => sql`BIT_OR(${value})`,
  hasBit: (mask, position) => sql`((${mask} >> (${position})::int) & 1 = 1)`,
  // As text: a whole number would be bound as bigint, which 1e300 overflows.
  double: (value) => sql`${String(value)}::float8`,
  propertyText: (name) => propertySql(name).text,
  propertyNumber: (name) => propertySql(name).number,
  propertyBoolean: (name) => propertySql(name).boolean,
  propertyDigits: (name) => propertySql(name).digits,
  propertyExists: (name) => propertySql(name).exists,
  propertyCode: (name) => propertySql(name).code,
  readTogether,
  decoded: (_name, code) => decoded(code),
  canonicalCode: (_name, code) => canonical(code),
  containsText: (value, part) => sql`(strpos(${value}, ${part}) > 0)`,
  isAmongTexts: (value, texts) => sql`(${value} IN (${elementsOf(texts)}))`,
  isAmongNumbers: (value, numbers) =>
    sql`(${value} IN (SELECT element::float8 FROM (${elementsOf(numbers)}) AS numbers))`,
  sumOfDoubles: exactSum,
  // A quotient that rounds to 0, as half of the smallest double does, is refused here.
  over: (value, count) => sql`(
    CASE WHEN abs(${value}) < 1e-200 AND abs(${value}) * ${2 ** SCALE_BITS} / ${count} <= ${2 ** (SCALE_BITS - 1075)} THEN 0
      ELSE ${value} / NULLIF(${count}, 0) END)`,
  finite: (value) => sql`NULLIF(NULLIF(NULLIF(${value}, 'Infinity'), '-Infinity'), 'NaN')`,
  percentile: (value, percent) =>
    sql`percentile_disc(${String(percent / 100)}::float8) WITHIN GROUP (ORDER BY ${value})`,
  median: (value) => sql`percentile_cont(0.5) WITHIN GROUP (ORDER BY ${value})`,
  // Arrays compare by their first element.
  valueOfGreatest: (value, integer) =>
    sql`((MAX(ARRAY[(${integer})::bigint, (${value})::bigint]) FILTER (WHERE ${value} IS NOT NULL))[2])`,
  listOf: (value) => sql`ARRAY[${value}]`,
  listAppended: (list, value) => sql`array_append(${list}, ${value})`,
  listHolds: (list, value) => sql`(${value} = ANY (${list}))`,
  withNext
}
