import {
  type Dialect,
  type FilteredForms,
  join,
  LARGE_BELOW,
  LARGE_UNITS,
  LOW_PART,
  SMALL_BELOW,
  SMALL_PER_LARGE,
  SMALL_UNITS,
  sql,
  type SqlText
} from "@millrace/core"
import { coldProperty, jsonForms } from "./coldProperty.ts"
import { type HotColumn, hotProperty, pointerTo, type PropertySql } from "./hot/columns.ts"

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
  sumOfDoubles: (value) => exactSum(value),
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

const double = (value: number | bigint): SqlText => sql`${String(value)}::DOUBLE`
const whole = (value: bigint): SqlText => sql`${String(value)}::HUGEINT`

/** As `sumOf` of the core does it, step by step. */
const exactSum = (value: SqlText): SqlText => {
  const isSmall = sql`abs(${value}) < ${double(SMALL_BELOW)}`
  const units = sql`trunc(${value} * ${double(SMALL_UNITS)})`
  const small = sql`SUM(CASE WHEN ${isSmall} THEN ${units}::HUGEINT WHEN ${value} IS NOT NULL THEN 0 END)`
  const large = sql`SUM(CASE WHEN ${isSmall} THEN 0 WHEN abs(${value}) < ${double(LARGE_BELOW)}
    THEN (${value} * ${double(LARGE_UNITS)})::HUGEINT WHEN ${value} IS NOT NULL THEN 0 END)`
  const rests = sql`FSUM(CASE WHEN ${isSmall} THEN ${value} - ${units} / ${double(SMALL_UNITS)}
    WHEN abs(${value}) < ${double(LARGE_BELOW)} THEN 0 ELSE ${value} END)`
  const carried = sql`(${large} + ${small} // ${whole(SMALL_PER_LARGE)})`
  return sql`(
    (${carried} // ${whole(LOW_PART)})::DOUBLE * ${double(LOW_PART)} / ${double(LARGE_UNITS)}
    + (${carried} % ${whole(LOW_PART)})::DOUBLE / ${double(LARGE_UNITS)}
    + (${small} % ${whole(SMALL_PER_LARGE)})::DOUBLE / ${double(SMALL_UNITS)}
    + ${rests}
  )`
}

interface Read {
  readonly name: string
  readonly column: HotColumn | undefined
}

/**
 * An expression over properties that are each read once. What a lambda is given is a value: an optimizer puts the
 * expression of a column in every place that names it, and each of JSON's functions keeps megabytes of documents.
 */
const readTogether = (reads: ReadonlyArray<Read>, use: (forms: ReadonlyArray<FilteredForms>) => SqlText): SqlText => {
  const cold = reads.filter(({ column }) => column === undefined)
  const sources = reads.map((read): FilteredForms =>
    read.column === undefined
      ? jsonForms(sql`document.types[${cold.indexOf(read) + 1}]`, sql`document.texts[${cold.indexOf(read) + 1}]`)
      : hotProperty(read.column)
  )
  const fields = new Map<string, SqlText>()
  const used = use(
    sources.map((forms, index) =>
      onlyUsed(forms, (form) => {
        const field = fieldName(form, index)
        fields.set(field.strings[0]!, sql`${field} := ${forms[form]}`)
        return sql`one.${field}`
      })
    )
  )
  const read = sql`list_transform([struct_pack(${join([...fields.values()], sql`, `)})], lambda one: ${used})[1]`
  if (cold.length === 0) return read
  const pointers = sql`[${join(
    cold.map(({ name }) => sql`${pointerTo(name)}`),
    sql`, `
  )}]`
  return sql`list_transform([struct_pack(
    types := json_type(properties, ${pointers}), texts := json_extract_string(properties, ${pointers})
  )], lambda document: ${read})[1]`
}

type Form = keyof FilteredForms

/** Only what is asked for is read. */
const onlyUsed = (forms: FilteredForms, of: (form: Form) => SqlText): FilteredForms =>
  new Proxy(forms, { get: (_, form) => of(form as Form) })

/** Names that hold a number; nothing else gets into the text. */
const fieldName = (form: Form, index: number): SqlText => ({
  _tag: "SqlText",
  strings: [`${form}${Math.trunc(index)}`],
  values: []
})
