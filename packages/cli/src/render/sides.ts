import type { Shape } from "@millrace/core"
import type { Row } from "./renderAnswer.ts"
import { cyan, dim, type Style } from "./Style.ts"
import { bar, greatest, pad, widthOf } from "./table.ts"

const MIN_SIDE = 6
const MAX_SIDE = 30

type Sides = Extract<Shape<never, Row>, { readonly kind: "sides" }>

/** Behind the table, bars on both sides of a line. */
export const renderSides = (
  lines: ReadonlyArray<string>,
  rows: ReadonlyArray<Row>,
  shape: Sides,
  style: Style
): ReadonlyArray<string> => {
  const width = widthOf(lines)
  const side = Math.min(MAX_SIDE, Math.max(MIN_SIDE, Math.floor((style.width - width - 3) / 2)))
  const sizeOf = (fields: ReadonlyArray<string>) => (row: Row) =>
    fields.reduce((sum, field) => sum + Math.abs(Number(row[field])), 0)
  const left = rows.map(sizeOf(shape.left.fields))
  const right = rows.map(sizeOf(shape.right.fields))
  const max = greatest([...left, ...right])
  const drawn = rows.map((_, index) => {
    // A bar grows from the left, so the one that hangs to the left of the line is whole blocks only.
    const hanging = "█".repeat(max === 0 ? 0 : Math.ceil((left[index]! / max) * side))
    const standing = bar(right[index]!, max, side)
    return `${pad(lines[index + 1]!, width, "left")}  ${dim(pad(hanging, side, "right"), style)}│${cyan(standing, style)}`
  })
  return [`${pad(lines[0]!, width, "left")}  ${pad(shape.left.title, side, "right")}│${shape.right.title}`, ...drawn]
}
