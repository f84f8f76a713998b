import { Schema } from "effect"
import { answer, heading, INCOMPLETE, withBars } from "./answer.ts"
import { dim, type Style } from "./Style.ts"
import { greatest, pad, printable, table, widthOf } from "./table.ts"
import { labelOf, titleBy, valueKey } from "./values.ts"

export const TrendAnswer = answer(
  Schema.Struct({
    date: Schema.String,
    ...valueKey,
    value: Schema.NullOr(Schema.Finite),
    complete: Schema.Boolean
  })
)

type Row = (typeof TrendAnswer)["Type"]["rows"][number]

interface Point {
  readonly breakdown?: Row["breakdown"] | undefined
  readonly value: number | null
}

export const renderTrend = (
  { as_of, params, rows }: (typeof TrendAnswer)["Type"],
  style: Style
): ReadonlyArray<string> => {
  const measure = String(params["measure"] ?? "events")
  const what = typeof params["property"] === "string" ? `${measure} of ${printable(params["property"])}` : measure
  const by = titleBy(params)
  const title = `${what} per ${String(params["interval"] ?? "day")}${by}`
  const drawn = by === "" ? renderSeries(what, rows, style) : renderCurves(rows, style)
  const open = rows.some(({ complete }) => !complete)
  return [
    heading({ title, params, as_of }, style),
    "",
    ...(rows.length === 0 ? ["no events in this range"] : drawn),
    ...(open ? ["", dim(INCOMPLETE, style)] : [])
  ]
}

const renderSeries = (what: string, rows: ReadonlyArray<Row>, style: Style) =>
  withBars(
    table(
      [
        { title: "date", align: "left" },
        { title: what, align: "right" }
      ],
      rows.map(({ complete, date, value }) => [complete ? date : `${date}*`, shown(value)])
    ),
    rows.map(({ value }) => value ?? 0),
    style
  )

/** One line a value: its total as far as that means anything, its range, and a curve. */
export const renderCurves = (rows: ReadonlyArray<Point>, style: Style) => {
  const series = [...Map.groupBy(rows, ({ breakdown }) => breakdown)]
  const max = greatest(rows.map(({ value }) => value ?? 0))
  const lines = table(
    [
      { title: "value", align: "left" },
      { title: "least", align: "right" },
      { title: "latest", align: "right" },
      { title: "most", align: "right" }
    ],
    series.map(([value, of]) => {
      const values = of.map((row) => row.value).filter((found) => found !== null)
      const sorted = values.toSorted((a, b) => a - b)
      return [labelOf(value), ...[sorted[0], of.at(-1)?.value, sorted.at(-1)].map((one) => shown(one ?? null))]
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
const curve = (rows: ReadonlyArray<Point>, max: number, room: number): string =>
  rows
    .slice(-room)
    .map(({ value }) => {
      if (value === null || value <= 0 || max <= 0) return LEVELS[0]!
      return LEVELS[Math.max(1, Math.round((value / max) * (LEVELS.length - 1)))]!
    })
    .join("")

const DIGITS_MAX = 3

export const shown = (value: number | null): string =>
  value === null ? "–" : value.toLocaleString("en-US", { maximumFractionDigits: DIGITS_MAX })
