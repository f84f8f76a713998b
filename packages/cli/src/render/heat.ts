import type { Drawing, Shape } from "@millrace/core"
import type { Row } from "./renderAnswer.ts"
import { heat, type Style } from "./Style.ts"
import { greatest, pad, widthOf } from "./table.ts"

type Params = Readonly<Record<string, unknown>>
type Heat = Extract<Shape<Params, Row>, { readonly kind: "heat" }>

interface Cell {
  readonly users: number
  readonly rate: number
  readonly complete: boolean
}

const cellsIn = (row: Row, { cells }: Heat) => row[cells] as ReadonlyArray<Cell>
const sizeIn = (row: Row, { size }: Heat) => Number(row[size])

/** Whether any cell that holds somebody's row is not over yet. */
export const hasOpenCell = (row: Row, shape: Drawing<Params, Row>["shape"]): boolean =>
  shape?.kind === "heat" && sizeIn(row, shape) > 0 && cellsIn(row, shape).some(({ complete }) => !complete)

/** Wide enough for `100.0%`. */
const RATE_WIDTH = 6
const CELL_WIDTH = RATE_WIDTH + 2
/** Without colour a cell is `rate ██ `, one blank more than its neighbour needs. */
const PLAIN_CELL_WIDTH = RATE_WIDTH + 4

interface Heated {
  /** The table in front of the cells. */
  readonly left: ReadonlyArray<string>
  readonly rows: ReadonlyArray<Row>
  readonly shape: Heat
  readonly params: Params
  readonly style: Style
}

export const renderHeat = ({ left, params, rows, shape, style }: Heated): ReadonlyArray<string> => {
  const width = widthOf(left)
  const cellWidth = style.colour ? CELL_WIDTH : PLAIN_CELL_WIDTH
  const columns = greatest(rows.map((row) => cellsIn(row, shape).length))
  const offset = style.colour ? RATE_WIDTH + 1 : RATE_WIDTH
  const header = Array.from({ length: columns }, (_, index) =>
    pad(pad(shape.cellTitle(index, params), offset, "right"), cellWidth, "left")
  ).join("")
  // Cell 0 is 100 % by definition: the scale is that of the others, or they would all look alike.
  const best = greatest(rows.flatMap((row) => cellsIn(row, shape).slice(1)).map(({ rate }) => rate))
  const warmth = (rate: number) => (best > 0 ? rate / best : 0)
  const shown = (row: Row) =>
    cellsIn(row, shape)
      .map((cell) => renderCell(cell, sizeIn(row, shape), warmth(cell.rate), style))
      .join("")
  return [
    `${pad(left[0]!, width, "left")}  ${header}`.trimEnd(),
    ...rows.map((row, index) => `${pad(left[index + 1]!, width, "left")}  ${shown(row)}`.trimEnd())
  ]
}

/** A cell that has not begun holds nothing to read and stays blank; one under way is marked. */
const renderCell = ({ complete, rate, users }: Cell, size: number, warmth: number, style: Style): string => {
  const blank = " ".repeat(style.colour ? CELL_WIDTH : PLAIN_CELL_WIDTH)
  if (size === 0 || (!complete && users === 0)) return blank
  const percent = rate >= 0.9995 ? "100%" : `${(rate * 100).toFixed(1)}%`
  const text = (complete ? percent : `${percent}*`).padStart(RATE_WIDTH)
  return style.colour ? heat(text, warmth, style) : `${heat(text, warmth, style)} `
}
