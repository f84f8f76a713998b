/** A value that travels beside the text, never in it. */
export type SqlValue = string | number | bigint | boolean

/**
 * SQL with bound parameters, not yet in any engine's placeholder style. Made by {@link sql} alone: a hole is either
 * another SqlText, which is inlined, or a value, which is bound.
 */
export interface SqlText {
  readonly _tag: "SqlText"
  readonly strings: ReadonlyArray<string>
  readonly values: ReadonlyArray<SqlValue>
}

type Hole = SqlText | SqlValue

const isSqlText = (hole: Hole): hole is SqlText => typeof hole === "object" && hole._tag === "SqlText"

export const sql = (template: ReadonlyArray<string>, ...holes: ReadonlyArray<Hole>): SqlText => {
  const strings: Array<string> = [template[0]!]
  const values: Array<SqlValue> = []
  holes.forEach((hole, index) => {
    const after = template[index + 1]!
    if (isSqlText(hole)) {
      strings.push(strings.pop()! + hole.strings[0]!, ...hole.strings.slice(1))
      strings.push(strings.pop()! + after)
      values.push(...hole.values)
    } else {
      strings.push(after)
      values.push(hole)
    }
  })
  return { _tag: "SqlText", strings, values }
}

export const join = (parts: ReadonlyArray<SqlText>, separator: SqlText): SqlText =>
  parts.reduce((all, part, index) => (index === 0 ? part : sql`${all}${separator}${part}`), sql``)

/** Renders with the engine's placeholders; `placeholder(1, value)` is the first. */
export const render = (
  text: SqlText,
  placeholder: (position: number, value: SqlValue) => string
): { readonly text: string; readonly values: ReadonlyArray<SqlValue> } => ({
  text: text.strings.reduce((all, part, index) => all + placeholder(index, text.values[index - 1]!) + part),
  values: text.values
})
