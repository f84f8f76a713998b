import { type FilteredForms, join, sql, type SqlText } from "@millrace/core"
import { jsonForms } from "./coldProperty.ts"
import { type HotColumn, hotProperty, pointerTo } from "./hot/columns.ts"

interface Read {
  readonly name: string
  readonly column: HotColumn | undefined
}

/**
 * An expression over properties that are each read once. What a lambda is given is a value: an optimizer puts the
 * expression of a column in every place that names it, and each of JSON's functions keeps megabytes of documents.
 */
export const readTogether = (
  reads: ReadonlyArray<Read>,
  use: (forms: ReadonlyArray<FilteredForms>) => SqlText
): SqlText => {
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
