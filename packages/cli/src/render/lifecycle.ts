import { Schema } from "effect"
import { answer, heading, INCOMPLETE } from "./answer.ts"
import { cyan, dim, type Style } from "./Style.ts"
import { bar, greatest, grouped, pad, table, widthOf } from "./table.ts"
import { byValue, titleBy, valueKey } from "./values.ts"

export const LifecycleAnswer = answer(
  Schema.Struct({
    ...valueKey,
    date: Schema.String,
    new: Schema.Int,
    returning: Schema.Int,
    resurrecting: Schema.Int,
    dormant: Schema.Int,
    complete: Schema.Boolean
  })
)

const MIN_SIDE = 6
const MAX_SIDE = 30

type Row = (typeof LifecycleAnswer)["Type"]["rows"][number]

export const renderLifecycle = (
  { as_of, params, rows }: (typeof LifecycleAnswer)["Type"],
  style: Style
): ReadonlyArray<string> => {
  const title = `lifecycle per ${String(params["interval"] ?? "day")}${titleBy(params)}`
  const open = rows.some(({ complete }) => !complete)
  return [
    heading({ title, params, as_of }, style),
    "",
    ...(rows.length === 0 ? ["no users in this range"] : byValue(rows, style, (of) => renderBlock(of, style))),
    ...(open ? ["", dim(INCOMPLETE, style)] : [])
  ]
}

/** Numbers, and on both sides of a line those who went and those who came or stayed. */
const renderBlock = (rows: ReadonlyArray<Row>, style: Style): ReadonlyArray<string> => {
  const right = (title: string) => ({ title, align: "right" as const })
  const lines = table(
    [{ title: "date", align: "left" }, ...["new", "returning", "resurrecting", "dormant"].map(right)],
    rows.map((row) => [
      row.complete ? row.date : `${row.date}*`,
      ...[row.new, row.returning, row.resurrecting, row.dormant].map(grouped)
    ])
  )
  const width = widthOf(lines)
  const side = Math.min(MAX_SIDE, Math.max(MIN_SIDE, Math.floor((style.width - width - 3) / 2)))
  const active = rows.map((row) => row.new + row.returning + row.resurrecting)
  const max = greatest([...active, ...rows.map(({ dormant }) => -dormant)])
  const drawn = rows.map((row, index) => {
    // A bar grows from the left, so the one that hangs to the left of the line is whole blocks only.
    const gone = "█".repeat(max === 0 ? 0 : Math.ceil((-row.dormant / max) * side))
    return `${pad(lines[index + 1]!, width, "left")}  ${dim(pad(gone, side, "right"), style)}│${cyan(bar(active[index]!, max, side), style)}`
  })
  return [`${pad(lines[0]!, width, "left")}  ${pad("gone", side, "right")}│active`, ...drawn]
}
