import { bold, type Style } from "./Style.ts"
import { printable } from "./table.ts"

type Value = string | number | boolean

/** What an answer is broken down by, as the end of a title. */
export const titleBy = (params: Readonly<Record<string, unknown>>): string => {
  if (typeof params["breakdown"] !== "string") return ""
  const whose = params["breakdown_of"] === "user" ? " of the user" : ""
  return ` by ${printable(params["breakdown"])}${whose}`
}

/** The block of each value below its name; a single block where nothing is broken down. */
export const byValue = <Row extends Readonly<Record<string, unknown>>>(
  rows: ReadonlyArray<Row>,
  style: Style,
  block: (rows: ReadonlyArray<Row>) => ReadonlyArray<string>
): ReadonlyArray<string> =>
  [...Map.groupBy(rows, valueOf)].flatMap(([value, of], index) => [
    ...(index === 0 ? [] : [""]),
    ...(value === undefined ? [] : [bold(labelOf(value), style)]),
    ...block(of)
  ])

/** Which value of the breakdown a row belongs to. */
export const valueOf = (row: Readonly<Record<string, unknown>>) => row["breakdown"] as Value | undefined

/** Texts in quotes where they could be taken for a number or a truth value. */
export const labelOf = (value: string | number | boolean | undefined): string =>
  typeof value === "string" && !/^(?:-?\d.*|true|false|)$/u.test(value)
    ? printable(value)
    : printable(JSON.stringify(value))
