import { numberText } from "./cells.ts"
import type { Row } from "./renderAnswer.ts"
import type { Style } from "./Style.ts"
import { greatest, pad, table, widthOf } from "./table.ts"
import { labelOf, valueOf } from "./values.ts"

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
