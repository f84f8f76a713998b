import { type Dialect, sql } from "@millrace/core"
import { coldProperty } from "./coldProperty.ts"
import { exactSum } from "./exactSum.ts"
import { type HotColumn, hotProperty, type PropertySql } from "./hot/columns.ts"
import { readTogether } from "./readTogether.ts"

/** `//` cuts towards zero; no value here lies this many divisors below it (dates from 1970, differences of dates). */
const LIFT = 100_000

export interface DialectOptions {
  /** Whether any identities are merged; without, there is nothing to join. */
  readonly merged: boolean
  /** By name, the properties that have columns of their own. */
  readonly hot: ReadonlyMap<string, HotColumn>
  /** Called for each property that the question reads. */
  readonly onProperty: (name: string) => void
}

export const dialectOf = ({ hot, merged, onProperty }: DialectOptions): Dialect => {
  const columnOf = (name: string) => {
    onProperty(name)
    return hot.get(name)
  }
  const propertyOf = (name: string): PropertySql => {
    const column = columnOf(name)
    return column === undefined ? coldProperty(name) : hotProperty(column)
  }
  return {
    ...engine,
    events: merged ? RESOLVED : sql`events`,
    propertyText: (name) => propertyOf(name).text,
    propertyNumber: (name) => propertyOf(name).number,
    propertyBoolean: (name) => propertyOf(name).boolean,
    propertyDigits: (name) => propertyOf(name).digits,
    propertyExists: (name) => propertyOf(name).exists,
    readTogether: (names, use) =>
      readTogether(
        names.map((name) => ({ name, column: columnOf(name) })),
        use
      ),
    propertyCode: (name) => propertyOf(name).code,
    decoded: (name, code) => propertyOf(name).decoded(code),
    canonicalCode: (name, code) => propertyOf(name).canonical(code)
  }
}

const RESOLVED = sql`(
  SELECT raw.* REPLACE (COALESCE(identities.user_id, raw.user_id) AS user_id)
  FROM events AS raw
  LEFT JOIN identities ON raw.project_id = identities.project_id AND raw.user_id = identities.anonymous_id
) AS events`

const engine: Omit<Dialect, "events" | "decoded" | "canonicalCode" | "readTogether" | `property${string}`> = {
  name: "duckdb",
  occurredAtMicros: sql`epoch_us(occurred_at)`,
  occurredBetween: (fromMicros, untilMicros) =>
    sql`(occurred_at >= make_timestamp(${fromMicros}) AND occurred_at < make_timestamp(${untilMicros}))`,
  // The driver drops a leading U+FEFF from VARCHAR; bytes it leaves alone, and client.ts decodes them.
  text: (value) => sql`encode(${value})`,
  floorDiv: (value, divisor) => sql`((${value} + ${LIFT * divisor}) // ${divisor} - ${LIFT})`,
  wholeDiv: (value, divisor) => sql`(${value} // ${divisor})`,
  monthIndex: (micros) => sql`(year(make_timestamp(${micros})) * 12 + month(make_timestamp(${micros})) - 1)`,
  // A cast to DATE is cheaper than a 64-bit division.
  occurredDay: sql`(occurred_at::DATE - DATE '1970-01-01')`,
  bitAt: (position) => sql`(1::BIGINT << ${position}::BIGINT)`,
  bitOr: (value) => sql`BIT_OR(${value})`,
  hasBit: (mask, position) => sql`((${mask} >> ${position}::BIGINT) & 1 = 1)`,
  // As text: a whole number would be bound as BIGINT, which 1e300 overflows.
  double: (value) => sql`${String(value)}::DOUBLE`,
  containsText: (value, part) => sql`contains(${value}, ${part})`,
  // As one text: a parameter for each value would be a vector for each value.
  isAmongTexts: (value, texts) => sql`list_contains(from_json(${JSON.stringify(texts)}, '["VARCHAR"]'), ${value})`,
  isAmongNumbers: (value, numbers) => sql`list_contains(from_json(${JSON.stringify(numbers)}, '["DOUBLE"]'), ${value})`,
  sumOfDoubles: exactSum,
  over: (value, count) => sql`(${value} / NULLIF(${count}, 0))`,
  finite: (value) => sql`(CASE WHEN isfinite(${value}) THEN ${value} END)`,
  percentile: (value, percent) => sql`QUANTILE_DISC(${value}, ${percent / 100})`,
  median: (value) => sql`MEDIAN(${value})`,
  valueOfGreatest: (value, integer) => sql`ARG_MAX(${value}, ${integer})`,
  listOf: (value) => sql`[${value}]`,
  listAppended: (list, value) => sql`list_append(${list}, ${value})`,
  listHolds: (list, value) => sql`list_contains(${list}, ${value})`,
  withNext: (left, right) => sql`${left.rows} AS ${left.name} ASOF LEFT JOIN ${right.rows} AS ${right.name}
    ON ${left.name}.user_id = ${right.name}.user_id AND ${left.time} <= ${right.name}.t`
}
