import { isLongInteger } from "../../json/json.ts"
import type { Dialect } from "../Dialect.ts"
import { join, sql, type SqlText } from "../SqlText.ts"
import { type Comparison, type Condition, type Filter, type FilterValue, propertyOf } from "./Filter.ts"

/** A filter as SQL over a row of `events`; true or false, never null. Values are bound. */
export const filterSql = (filter: Filter, dialect: Dialect): SqlText => {
  if ("and" in filter)
    return sql`(${join(
      filter.and.map((part) => filterSql(part, dialect)),
      sql` AND `
    )})`
  if ("or" in filter)
    return sql`(${join(
      filter.or.map((part) => filterSql(part, dialect)),
      sql` OR `
    )})`
  return conditionSql(filter, dialect)
}

const conditionSql = (condition: Condition, dialect: Dialect): SqlText => {
  const property = propertyOf(condition.field)
  const field = property === undefined ? eventType : ofProperty(property, dialect)
  switch (condition.op) {
    case "exists":
      return condition.value ? field.exists : sql`(NOT ${field.exists})`
    case "contains":
      return known(dialect.containsText(field.text, condition.value))
    case "in":
      return sql`(${join(
        condition.value.map((value) => comparison(field, "=", value, dialect)),
        sql` OR `
      )})`
    case "!=":
      return sql`(NOT ${comparison(field, "=", condition.value, dialect)})`
    default:
      return comparison(field, condition.op, condition.value, dialect)
  }
}

/** A field as each of the types that it may have: null where it has another. */
interface FieldSql {
  readonly text: SqlText
  readonly number: SqlText
  readonly truth: SqlText
  readonly digits: SqlText
  readonly exists: SqlText
}

const NOTHING = sql`NULL`
const eventType: FieldSql = {
  text: sql`event_type`,
  number: NOTHING,
  truth: NOTHING,
  digits: NOTHING,
  exists: sql`(1 = 1)`
}

const ofProperty = (name: string, dialect: Dialect): FieldSql => ({
  text: dialect.propertyText(name),
  number: dialect.propertyNumber(name),
  truth: dialect.propertyTruth(name),
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
  const side = typeof value === "string" ? field.text : typeof value === "number" ? field.number : field.truth
  if (side === NOTHING) return sql`(1 = 0)`
  if (op === "=" && typeof value === "string" && isLongInteger(value))
    return known(sql`COALESCE(${side}, ${field.digits}) = ${value}`)
  // From here on, an integer's double may be another's.
  if (op === "=" && typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER)
    return known(sql`${side} = ${dialect.double(value)} AND ${field.digits} IS NULL`)
  return known(sql`${side} ${OPERATORS[op]} ${typeof value === "number" ? dialect.double(value) : value}`)
}

const known = (condition: SqlText): SqlText => sql`COALESCE(${condition}, 1 = 0)`
