import { type FilteredForms, type PropertyForms, sql, type SqlText } from "@millrace/core"
import { canonicalNumber, digitsOf, pointerTo, type PropertySql } from "./hot/columns.ts"

/** A property that is read from the JSON document. */
export const coldProperty = (name: string): PropertySql => ({
  ...jsonForms(
    sql`json_type(properties, ${pointerTo(name)})`,
    sql`json_extract_string(properties, ${pointerTo(name)})`
  ),
  code: sql`json_extract(properties, ${pointerTo(name)})::VARCHAR`,
  decoded: decodedJson,
  canonical: (code) => sql`
    CASE WHEN starts_with(${code}, '"') THEN ${code}
      ELSE COALESCE('"' || ${digitsOf(code)} || '"', ${canonicalNumber(code)}, ${code}) END`
})

/** A property by its JSON type and its text. */
export const jsonForms = (type: SqlText, text: SqlText): FilteredForms => {
  const number = sql`CASE WHEN ${type} IN ('BIGINT', 'UBIGINT', 'DOUBLE') THEN ${text} END`
  return {
    text: sql`CASE WHEN ${type} IN ('VARCHAR') THEN ${text} END`,
    number: sql`TRY_CAST(${number} AS DOUBLE)`,
    boolean: sql`CASE WHEN ${type} IN ('BOOLEAN') THEN (${text} = 'true') END`,
    digits: digitsOf(number),
    exists: sql`(COALESCE(${type}, 'NULL') <> 'NULL')`
  }
}

/** A value in JSON's own text; a cast of anything but a number's fails. */
const decodedJson = (json: SqlText): PropertyForms => ({
  text: sql`CASE WHEN starts_with(${json}, '"') THEN json_extract_string(${json}, '$') END`,
  number: sql`TRY_CAST(${json} AS DOUBLE)`,
  boolean: sql`CASE ${json} WHEN 'true' THEN true WHEN 'false' THEN false END`,
  digits: digitsOf(json)
})
