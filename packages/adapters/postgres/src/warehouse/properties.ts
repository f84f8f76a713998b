import { type FilteredForms, join, type PropertyForms, sql, type SqlText } from "@millrace/core"

/**
 * An expression over a value that is worked out once for a row, however often `use` has it. `OFFSET 0` keeps the planner
 * from putting the value's expression in the place of each.
 */
const once = (value: SqlText, use: (value: SqlText) => SqlText): SqlText =>
  sql`(SELECT ${use(sql`one.value`)} FROM (SELECT ${value} AS value OFFSET 0) AS one)`

const valueOf = (name: string): SqlText => sql`properties -> ${name}`

/** Text sorts by code points, as everywhere. */
const scalar = (json: SqlText): SqlText => sql`(${json} #>> '{}') COLLATE "C"`

/** A JSON value as each of its types. */
const formsOf = (json: SqlText): FilteredForms => {
  const number = sql`CASE WHEN json_typeof(${json}) = 'number' THEN ${json}::text END`
  return {
    text: sql`CASE WHEN json_typeof(${json}) = 'string' THEN ${scalar(json)} END`,
    number: sql`number_of(${number})`,
    boolean: sql`CASE WHEN json_typeof(${json}) = 'boolean' THEN ${json}::text = 'true' END`,
    digits: once(number, digitsOf),
    exists: sql`(COALESCE(json_typeof(${json}), 'null') <> 'null')`
  }
}

/**
 * The text itself of an integer that no double is, null for all else: its double, which has the same magnitude, prints
 * other digits before the zeros at the end.
 */
const digitsOf = (text: SqlText): SqlText => sql`
  CASE WHEN length(${text}) > 15 AND ${text} ~ '^-?[0-9]+$' AND rtrim(${text}, '0')
    <> rtrim(replace(split_part(number_of(${text})::text, 'e', 1), '.', ''), '0') THEN ${text} END`

/**
 * A value as one text that begins with its type: `s` text, `n` number, `t`, `f`, `z` JSON null, `{` and `[` (only that they
 * are there).
 */
const codeOf = (json: SqlText): SqlText => sql`
  CASE json_typeof(${json}) WHEN 'string' THEN 's' || ${scalar(json)} WHEN 'number' THEN 'n' || ${json}::text
    WHEN 'boolean' THEN left(${json}::text, 1) WHEN 'null' THEN 'z' WHEN 'object' THEN '{' WHEN 'array' THEN '[' END`

const restOf = (code: SqlText, type: SqlText) =>
  sql`CASE WHEN starts_with(${code}, ${type}) THEN substr(${code}, 2) END`

export const decoded = (code: SqlText): PropertyForms => {
  const number = restOf(code, sql`'n'`)
  return {
    text: sql`(${restOf(code, sql`'s'`)}) COLLATE "C"`,
    number: sql`number_of(${number})`,
    boolean: sql`CASE ${code} WHEN 't' THEN true WHEN 'f' THEN false END`,
    digits: once(number, digitsOf)
  }
}

/** The same for equal numbers. */
export const canonical = (code: SqlText): SqlText =>
  once(
    code,
    (value) => sql`
      CASE WHEN starts_with(${value}, 'n')
        THEN COALESCE('s' || ${once(sql`substr(${value}, 2)`, digitsOf)}, 'n' || (number_of(substr(${value}, 2)) + 0.0)::text)
        ELSE ${value} END`
  )

/** What the dialect asks of a property. */
export const propertySql = (name: string): FilteredForms & { readonly code: SqlText } => {
  const read = (form: (json: SqlText) => SqlText) => once(valueOf(name), form)
  return {
    text: read((json) => formsOf(json).text),
    number: read((json) => formsOf(json).number),
    boolean: read((json) => formsOf(json).boolean),
    digits: read((json) => formsOf(json).digits),
    exists: read((json) => formsOf(json).exists),
    code: read(codeOf)
  }
}

/** Each property's value is read once for a row. */
export const readTogether = (
  names: ReadonlyArray<string>,
  use: (forms: ReadonlyArray<FilteredForms>) => SqlText
): SqlText => {
  const columns = names.map((name, index) => sql`${valueOf(name)} AS ${columnName(index)}`)
  const forms = names.map((_, index) => formsOf(sql`read.${columnName(index)}`))
  return sql`(SELECT ${use(forms)} FROM (SELECT ${join(columns, sql`, `)} OFFSET 0) AS read)`
}

/** Names that hold a number; nothing else gets into the text. */
const columnName = (index: number): SqlText => ({ _tag: "SqlText", strings: [`value${Math.trunc(index)}`], values: [] })
