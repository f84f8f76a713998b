import type { Drawing, Shape } from "@millrace/core"
import { cyan, dim, heat, type Style } from "./Style.ts"
import type { Row } from "./renderAnswer.ts"
import { bar, greatest, labelOf, pad, printable, table, valueOf, widthOf } from "./table.ts"
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

/** One line a value: its total as far as that means anything, its range, and a curve. */
export const renderCurves = (rows: ReadonlyArray<Row>, field: string, style: Style) => {
  const series = [...Map.groupBy(rows, valueOf)].map(
    ([value, of]) => [value, of.map((row) => row[field] as number | null)] as const
  )
  const max = greatest(series.flatMap(([, numbers]) => numbers.map((number) => number ?? 0)))
  const lines = table(
    [
      { title: "value", align: "left" },
      { title: "least", align: "right" },
      { title: "latest", align: "right" },
      { title: "most", align: "right" }
    ],
    series.map(([value, numbers]) => {
      const sorted = numbers.filter((number) => number !== null).toSorted((a, b) => a - b)
      return [labelOf(value), ...[sorted[0], numbers.at(-1), sorted.at(-1)].map((one) => numberText(one ?? null))]
    })
  )
  const width = widthOf(lines)
  const room = Math.max(MIN_CURVE, style.width - width - 2)
  return lines.map((line, index) =>
    index === 0 ? line : `${pad(line, width, "left")}  ${curve(series[index - 1]![1], max, room)}`.trimEnd()
  )
}

const MIN_CURVE = 10
const LEVELS = " ▁▂▃▄▅▆▇█"

/** The latest values that fit, each as the height of one character. */
const curve = (numbers: ReadonlyArray<number | null>, max: number, room: number): string =>
  numbers
    .slice(-room)
    .map((value) => {
      if (value === null || value <= 0 || max <= 0) return LEVELS[0]!
      return LEVELS[Math.max(1, Math.round((value / max) * (LEVELS.length - 1)))]!
    })
    .join("")

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

export const percent = (share: number) => `${(share * 100).toFixed(1)}%`

const DIGITS_MAX = 3

/** A number in groups of digits, a dash for what is not there. */
const numberText = (value: number | null): string =>
  value === null ? "–" : value.toLocaleString("en-US", { maximumFractionDigits: DIGITS_MAX })

export const plainText = (value: unknown): string => {
  if (value === null || value === undefined || typeof value === "number") return numberText(value ?? null)
  if (typeof value === "boolean") return value ? "yes" : "no"
  return printable(typeof value === "string" ? value : JSON.stringify(value))
}

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60]
] as const

/** Two units at most: `3d 4h`, `12m 5s`, `4.2s`. */
export const duration = (seconds: number | null): string => {
  if (seconds === null) return "–"
  if (seconds < 60) return `${Number(seconds.toFixed(1))}s`
  const at = UNITS.findIndex(([, size]) => seconds >= size)
  const [unit, size] = UNITS[at]!
  const [smaller, smallerSize] = UNITS[at + 1] ?? (["s", 1] as const)
  const rest = Math.floor((seconds % size) / smallerSize)
  return `${Math.floor(seconds / size)}${unit}${rest === 0 ? "" : ` ${rest}${smaller}`}`
}
