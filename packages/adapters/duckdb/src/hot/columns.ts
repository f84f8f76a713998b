import { type PropertyForms, sql, type SqlText } from "@millrace/core"

/** A property that has a column of its own. */
export interface HotColumn {
  readonly position: number
  readonly name: string
}

/** A JSON Pointer, since it can name every key; a path in the other notation cannot. */
export const pointerTo = (name: string) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`

/** Names that hold a number; nothing else gets into the text. */
export const columnName = (position: number) => `hot_${Math.trunc(position)}`

/**
 * A value as one text that begins with its type, decoded once at load: `s` text, `n` number, `t`, `f`, `z` JSON null,
 * `{` and `[` (only that they are there), and nothing at all where the property is missing. Null: not filled yet.
 */
const CODE = (type: string, text: string) => `
  CASE ${type} WHEN 'VARCHAR' THEN 's' || ${text} WHEN 'BIGINT' THEN 'n' || ${text} WHEN 'UBIGINT' THEN 'n' || ${text}
    WHEN 'DOUBLE' THEN 'n' || ${text} WHEN 'BOOLEAN' THEN left(${text}, 1) WHEN 'NULL' THEN 'z'
    WHEN 'OBJECT' THEN '{' WHEN 'ARRAY' THEN '[' ELSE '' END`

const pointers = (columns: ReadonlyArray<HotColumn>, firstParameter: number) =>
  columns.map((_, index) => `$${firstParameter + index}`).join(", ")

/** What the pointers of {@link hotSource} and {@link hotColumns} are bound to. */
export const pointersOf = (columns: ReadonlyArray<HotColumn>) => columns.map(({ name }) => pointerTo(name))

/** `source` with what {@link hotColumns} reads; each document is parsed twice, however many properties are hot. */
export const hotSource = (source: string, columns: ReadonlyArray<HotColumn>, firstParameter: number) => {
  if (columns.length === 0) return source
  const list = `[${pointers(columns, firstParameter)}]`
  return `(SELECT *, json_type(properties, ${list}) AS hot_types, json_extract_string(properties, ${list}) AS hot_texts FROM ${source})`
}

/** `expression AS hot_<position>` of each, with a comma before it. */
export const hotColumns = (columns: ReadonlyArray<HotColumn>) =>
  columns.map(({ position }, index) => `, ${codeOf(index)} AS ${columnName(position)}`).join("")

export const codeOf = (index: number) => CODE(`hot_types[${index + 1}]`, `hot_texts[${index + 1}]`)

/** What the dialect asks of a property. */
export interface PropertySql extends PropertyForms {
  readonly exists: SqlText
  readonly code: SqlText
  readonly decoded: (code: SqlText) => PropertyForms
  /** JSON's texts have one form here, and numbers do not. */
  readonly canonical: (code: SqlText) => SqlText
}

export const hotProperty = ({ position }: HotColumn): PropertySql => {
  const code: SqlText = { _tag: "SqlText", strings: [columnName(position)], values: [] }
  return { ...decoded(code), exists: sql`(${code} NOT IN ('', 'z'))`, code, decoded, canonical }
}

const rest = (code: SqlText, type: SqlText) => sql`CASE WHEN starts_with(${code}, ${type}) THEN substr(${code}, 2) END`

/** A number's text, the same for equal ones; null for what is none. */
export const canonicalNumber = (text: SqlText): SqlText => sql`(TRY_CAST(${text} AS DOUBLE) + 0.0)::VARCHAR`

/**
 * The text itself of an integer that no double is, null for all else: its double, which has the same magnitude, prints
 * other digits before the zeros at the end.
 */
export const digitsOf = (text: SqlText): SqlText => sql`
  CASE WHEN length(${text}) > 15 AND regexp_full_match(${text}, '-?[0-9]+') AND rtrim(${text}, '0')
    <> rtrim(replace(split_part(TRY_CAST(${text} AS DOUBLE)::VARCHAR, 'e', 1), '.', ''), '0') THEN ${text} END`

const canonical = (code: SqlText): SqlText => {
  const number = sql`substr(${code}, 2)`
  return sql`
    CASE WHEN starts_with(${code}, 'n') THEN COALESCE('s' || ${digitsOf(number)}, 'n' || ${canonicalNumber(number)})
      ELSE ${code} END`
}

const decoded = (code: SqlText): PropertyForms => {
  return {
    text: rest(code, sql`'s'`),
    number: sql`TRY_CAST(${rest(code, sql`'n'`)} AS DOUBLE)`,
    boolean: sql`CASE ${code} WHEN 't' THEN true WHEN 'f' THEN false END`,
    digits: digitsOf(rest(code, sql`'n'`))
  }
}
