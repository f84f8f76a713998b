import { Schema } from "effect"
import { bold, cyan, dim, type Style } from "./Style.ts"
import { bar, greatest, pad, widthOf } from "./table.ts"

/** A metric's answer, as text; only what is drawn is read. */
export const answer = <Row extends Schema.Constraint>(row: Row) =>
  Schema.fromJsonString(
    Schema.Struct({
      metric: Schema.String,
      params: Schema.Record(Schema.String, Schema.Unknown),
      as_of: Schema.NullOr(Schema.String),
      rows: Schema.Array(row)
    })
  )

const MAX_BAR = 60
const MIN_BAR = 8

interface Heading {
  readonly title: string
  readonly params: Readonly<Record<string, unknown>>
  readonly as_of: string | null
}

export const heading = ({ as_of, params, title }: Heading, style: Style): string => {
  const since = params["from"] ?? params["start_date"]
  const until = params["to"] ?? params["end_date"]
  const range = `${String(since)} … ${until === undefined || until === null ? "latest" : String(until)}`
  const asOf = as_of === null ? "nothing loaded yet" : `as of ${as_of}`
  return `${bold(title, style)}  ${range}  ${String(params["tz"] ?? "UTC")}  ${dim(asOf, style)}`
}

/** Appends a bar to each table line after the header, in what the terminal's width leaves. */
export const withBars = (
  lines: ReadonlyArray<string>,
  values: ReadonlyArray<number>,
  style: Style
): ReadonlyArray<string> => {
  const longest = widthOf(lines)
  const room = Math.min(MAX_BAR, Math.max(MIN_BAR, style.width - longest - 3))
  const max = greatest(values)
  return lines.map((line, index) => {
    const drawn = index === 0 ? "" : bar(values[index - 1]!, max, room)
    return drawn === "" ? line : `${pad(line, longest, "left")}  ${cyan(drawn, style)}`
  })
}

export const INCOMPLETE = "*  not over yet at that instant"
