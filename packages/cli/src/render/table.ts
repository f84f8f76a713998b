import { displayWidth } from "effect/cli/CliOutput"
import { bold, type Style } from "./Style.ts"

export interface Column {
  readonly title: string
  readonly align: "left" | "right"
}

const MAX_CELL_CHARACTERS = 48
// Control characters, bidirectional overrides and line separators: a stored name must not steer the terminal.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** Text of unknown origin, safe on one terminal line. */
export const printable = (text: string, max = MAX_CELL_CHARACTERS): string => {
  const clean = text.replaceAll(UNPRINTABLE, (found) => `\\u${found.codePointAt(0)!.toString(16).padStart(4, "0")}`)
  const characters = [...clean]
  return characters.length <= max ? clean : `${characters.slice(0, max - 1).join("")}…`
}

export const pad = (text: string, width: number, align: Column["align"]): string => {
  const gap = " ".repeat(Math.max(0, width - displayWidth(text)))
  return align === "left" ? text + gap : gap + text
}

/** Aligned columns, two blanks apart; the header comes first. */
export const table = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): ReadonlyArray<string> => {
  const widths = columns.map(({ title }, index) => widthOf([title, ...rows.map((row) => row[index] ?? "")]))
  const line = (cells: ReadonlyArray<string>) =>
    columns
      .map(({ align }, index) => pad(cells[index] ?? "", widths[index]!, align))
      .join("  ")
      .trimEnd()
  return [line(columns.map(({ title }) => title)), ...rows.map(line)]
}

/** The greatest, 0 of none. Answers hold 100,000 rows, and that many arguments of one call nearly fill the stack. */
export const greatest = (values: ReadonlyArray<number>): number =>
  values.reduce((most, value) => Math.max(most, value), 0)

/** Columns of the terminal that the longest line takes. */
export const widthOf = (lines: ReadonlyArray<string>): number => greatest(lines.map((line) => displayWidth(line)))

/** `1234567` → `1,234,567`. */
export const grouped = (value: number): string => value.toLocaleString("en-US")

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const

/** A bar of `value / max` of `width` columns, to an eighth of a column; never empty for a value above 0. */
export const bar = (value: number, max: number, width: number): string => {
  if (value <= 0 || max <= 0) return ""
  const eighths = Math.max(1, Math.round((value / max) * width * 8))
  return "█".repeat(eighths >>> 3) + EIGHTHS[eighths & 7]!
}

type Value = string | number | boolean

/** Title's end that says what an answer is broken down by. */
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
