import type { Dialect, PropertyForms } from "../Dialect.ts"
import { type Field, propertyOf } from "../filter/index.ts"
import { integerOf, type RawRow } from "../rows.ts"
import { sql, type SqlText } from "../SqlText.ts"
import { BREAKDOWN_MAX, type BreakdownValue, NONE, OTHER } from "./values.ts"

export const KIND = { none: 0, boolean: 1, number: 2, text: 3, other: 4 } as const

/** Places of the values that are not told apart; those that are have the places before. */
export const PLACE = { other: BREAKDOWN_MAX + 1, none: BREAKDOWN_MAX + 2 } as const

/** Columns `(kind, label, amount)` that tell values apart, none of them null; their order is that of equal ranks. */
export const breakdownColumns = (field: Field | undefined, dialect: Dialect): SqlText => {
  if (field === undefined) return sql`${KIND.none} AS kind, '' AS label, ${dialect.double(0)} AS amount`
  const property = propertyOf(field)
  if (property === undefined) return typeColumns(sql`event_type`, dialect)
  const forms = {
    text: dialect.propertyText(property),
    number: dialect.propertyNumber(property),
    boolean: dialect.propertyBoolean(property),
    digits: dialect.propertyDigits(property)
  }
  return valueColumns(forms, dialect)
}

/** An event's value as one text, in which {@link decodedColumns} finds the columns again. */
export const breakdownCode = (field: Field, dialect: Dialect): SqlText => {
  const property = propertyOf(field)
  return property === undefined ? sql`event_type` : dialect.propertyCode(property)
}

/** Code in a column in the form that equal values share. */
export const canonicalCode = (field: Field, code: SqlText, dialect: Dialect): SqlText => {
  const property = propertyOf(field)
  return property === undefined ? code : dialect.canonicalCode(property, code)
}

export const decodedColumns = (field: Field, code: SqlText, dialect: Dialect): SqlText => {
  const property = propertyOf(field)
  return property === undefined ? typeColumns(code, dialect) : valueColumns(dialect.decoded(property, code), dialect)
}

const typeColumns = (type: SqlText, dialect: Dialect): SqlText =>
  sql`${kindOfText(type)} AS kind, ${type} AS label, ${dialect.double(0)} AS amount`

const valueColumns = ({ digits, number, text, boolean }: PropertyForms, dialect: Dialect): SqlText => {
  const booleanText = sql`CASE WHEN ${boolean} THEN 'true' WHEN NOT ${boolean} THEN 'false' ELSE '' END`
  return sql`
    CASE WHEN ${text} IS NOT NULL THEN ${kindOfText(text)} WHEN ${digits} IS NOT NULL THEN ${KIND.text}
      WHEN ${number} IS NOT NULL THEN ${KIND.number} WHEN ${boolean} IS NOT NULL THEN ${KIND.boolean} ELSE ${KIND.none} END AS kind,
    COALESCE(${text}, ${digits}, ${booleanText}) AS label,
    CASE WHEN ${digits} IS NULL THEN COALESCE(${number}, ${dialect.double(0)}) + ${dialect.double(0)} ELSE ${dialect.double(0)} END AS amount`
}

const kindOfText = (text: SqlText) =>
  sql`CASE ${text} WHEN ${NONE} THEN ${KIND.none} WHEN ${OTHER} THEN ${KIND.other} ELSE ${KIND.text} END`

/** The value that a place stands for, from its columns. */
export const valueOfPlace = (place: number, row: RawRow): BreakdownValue => {
  if (place >= PLACE.other) return place === PLACE.none ? NONE : OTHER
  const kind = integerOf(row, "kind")
  if (kind === KIND.number) return Number(row["amount"])
  return kind === KIND.boolean ? row["label"] === "true" : String(row["label"])
}

/** True for the row of {@link breakdownColumns}' columns, with their `place`, that stands for a value. */
export const isValue = (value: BreakdownValue, dialect: Dialect): SqlText => {
  if (value === NONE) return sql`(place = ${PLACE.none})`
  if (value === OTHER) return sql`(place = ${PLACE.other})`
  return sql`(place < ${PLACE.other} AND ${hasValue(value, dialect)})`
}

/** True for the columns of a value, whatever its place. */
export const hasValue = (value: BreakdownValue, dialect: Dialect): SqlText =>
  typeof value === "number"
    ? sql`(kind = ${KIND.number} AND amount = ${dialect.double(value)})`
    : sql`(kind = ${typeof value === "boolean" ? KIND.boolean : KIND.text} AND label = ${String(value)})`
