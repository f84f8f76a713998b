import { isLongInteger } from "../../event/json.ts"
import type { Dialect, FilteredForms } from "../Dialect.ts"
import { join, sql, type SqlText } from "../SqlText.ts"
import { type Comparison, type Condition, type Filter, type FilterValue, propertyOf } from "./Filter.ts"

/**
 * A filter as SQL over a row of `events`; true or false, never null. Values are bound.
 *
 * **Details**
 *
 * An engine that reads a property anew wherever it stands runs out of memory over a long filter: one that reads more than
 * a few has them read together, each once for a row.
 */
export const filterSql = (filter: Filter, dialect: Dialect): SqlText => {
  const conditions = conditionsOf(filter)
  const names = [...new Set(conditions.map(({ field }) => propertyOf(field)))].filter((name) => name !== undefined)
  const reads = conditions.reduce((sum, condition) => sum + readsOf(condition), 0)
  if (reads <= READS_MAX) return treeSql(filter, dialect, (name) => ofProperty(name, dialect))
  return dialect.readTogether(names, (forms) => {
    const read = new Map(names.map((name, index) => [name, forms[index]!]))
    return treeSql(filter, dialect, (name) => read.get(name)!)
  })
}

/** What is no dearer where it stands. */
const READS_MAX = 2

const conditionsOf = (filter: Filter): ReadonlyArray<Condition> =>
  "and" in filter ? filter.and.flatMap(conditionsOf) : "or" in filter ? filter.or.flatMap(conditionsOf) : [filter]

const readsOf = ({ field, value }: Condition): number =>
  field === "event_type" ? 0 : Array.isArray(value) ? new Set(value.map((one) => typeof one)).size : 1

type FieldOf = (property: string) => FieldSql

const treeSql = (filter: Filter, dialect: Dialect, fieldOf: FieldOf): SqlText => {
  const parts = "and" in filter ? filter.and : "or" in filter ? filter.or : undefined
  if (parts === undefined) return conditionSql(filter as Condition, dialect, fieldOf)
  return sql`(${join(
    parts.map((part) => treeSql(part, dialect, fieldOf)),
    "and" in filter ? sql` AND ` : sql` OR `
  )})`
}

const conditionSql = (condition: Condition, dialect: Dialect, fieldOf: FieldOf): SqlText => {
  const property = propertyOf(condition.field)
  const field = property === undefined ? eventType : fieldOf(property)
  switch (condition.op) {
    case "exists":
      return condition.value ? field.exists : sql`(NOT ${field.exists})`
    case "contains":
      return known(dialect.containsText(field.text, condition.value))
    case "in":
      return memberSql(
        field,
        property === undefined ? condition.value.filter((value) => typeof value === "string") : condition.value,
        dialect
      )
    case "!=":
      return sql`(NOT ${comparison(field, "=", condition.value, dialect)})`
    default:
      return comparison(field, condition.op, condition.value, dialect)
  }
}

/**
 * However long the list, the value is looked for once among those of its type; each is told as {@link comparison} tells
 * it.
 */
const memberSql = (field: FieldSql, values: ReadonlyArray<FilterValue>, dialect: Dialect): SqlText => {
  const texts = values.filter((value) => typeof value === "string")
  const [safe, beyond] = partition(
    values.filter((value) => typeof value === "number"),
    isSafe
  )
  const text = texts.some(isLongInteger) ? sql`COALESCE(${field.text}, ${field.digits})` : field.text
  const among = [
    ...(texts.length === 0 ? [] : [dialect.isAmongTexts(text, texts)]),
    ...(safe.length === 0 ? [] : [dialect.isAmongNumbers(field.number, safe)]),
    ...(beyond.length === 0 ? [] : [sql`${dialect.isAmongNumbers(field.number, beyond)} AND ${field.digits} IS NULL`]),
    ...[true, false].filter((value) => values.includes(value)).map((value) => sql`${field.boolean} = ${value}`)
  ]
  return among.length === 0 ? sql`(1 = 0)` : sql`(${join(among.map(known), sql` OR `)})`
}

const partition = <A>(all: ReadonlyArray<A>, isFirst: (one: A) => boolean) =>
  [all.filter(isFirst), all.filter((one) => !isFirst(one))] as const

/** Beyond, an integer's double may be another's. */
const isSafe = (value: number) => Math.abs(value) <= Number.MAX_SAFE_INTEGER

/** A field as each of the types that it may have: null where it has another. */
type FieldSql = FilteredForms

const NOTHING = sql`NULL`
const eventType: FieldSql = {
  text: sql`event_type`,
  number: NOTHING,
  boolean: NOTHING,
  digits: NOTHING,
  exists: sql`(1 = 1)`
}

const ofProperty = (name: string, dialect: Dialect): FieldSql => ({
  text: dialect.propertyText(name),
  number: dialect.propertyNumber(name),
  boolean: dialect.propertyBoolean(name),
  digits: dialect.propertyDigits(name),
  exists: dialect.propertyExists(name)
})

const OPERATORS: Readonly<Record<Exclude<Comparison, "!=">, SqlText>> = {
  "=": sql`=`,
  "<": sql`<`,
  "<=": sql`<=`,
  ">": sql`>`,
  ">=": sql`>=`
}

const comparison = (field: FieldSql, op: Exclude<Comparison, "!=">, value: FilterValue, dialect: Dialect): SqlText => {
  const side = typeof value === "string" ? field.text : typeof value === "number" ? field.number : field.boolean
  if (side === NOTHING) return sql`(1 = 0)`
  if (op === "=" && typeof value === "string" && isLongInteger(value))
    return known(sql`COALESCE(${side}, ${field.digits}) = ${value}`)
  if (op === "=" && typeof value === "number" && !isSafe(value))
    return known(sql`${side} = ${dialect.double(value)} AND ${field.digits} IS NULL`)
  return known(sql`${side} ${OPERATORS[op]} ${typeof value === "number" ? dialect.double(value) : value}`)
}

const known = (condition: SqlText): SqlText => sql`COALESCE(${condition}, 1 = 0)`
