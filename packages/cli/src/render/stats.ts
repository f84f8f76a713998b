import { Schema } from "effect"
import { answer, heading, INCOMPLETE, withBars } from "./answer.ts"
import { dim, heat, type Style } from "./Style.ts"
import { greatest, grouped, pad, printable, table, widthOf } from "./table.ts"
import { renderCurves } from "./trend.ts"
import { byValue, titleBy, valueKey } from "./values.ts"

export const ActiveUsersAnswer = answer(
  Schema.Struct({
    ...valueKey,
    date: Schema.String,
    users: Schema.Int,
    complete: Schema.Boolean,
    wau: Schema.optionalKey(Schema.Int),
    mau: Schema.optionalKey(Schema.Int)
  })
)
export const TopEventsAnswer = answer(
  Schema.Struct({ ...valueKey, event_type: Schema.String, events: Schema.Int, users: Schema.Int })
)
export const RetentionAnswer = answer(
  Schema.Struct({
    ...valueKey,
    cohort: Schema.String,
    size: Schema.Int,
    cells: Schema.Array(
      Schema.Struct({ index: Schema.Int, users: Schema.Int, rate: Schema.Finite, complete: Schema.Boolean })
    )
  })
)

export const renderActiveUsers = (
  { as_of, metric, params, rows }: (typeof ActiveUsersAnswer)["Type"],
  style: Style
): ReadonlyArray<string> => {
  const name = metric === "dau" ? "daily active users" : `active users per ${String(params["interval"] ?? "day")}`
  const by = titleBy(params)
  return [
    heading({ title: `${name}${by}`, params, as_of }, style),
    "",
    ...(by === "" ? renderDays(rows, style) : renderValues(rows, style)),
    ...(rows.every(({ complete }) => complete) ? [] : ["", dim(INCOMPLETE, style)])
  ]
}

const renderValues = (rows: (typeof ActiveUsersAnswer)["Type"]["rows"], style: Style): ReadonlyArray<string> =>
  rows.length === 0
    ? ["nobody in this range"]
    : renderCurves(
        rows.map(({ breakdown, users }) => ({ breakdown, value: users })),
        style
      )

const renderDays = (rows: (typeof ActiveUsersAnswer)["Type"]["rows"], style: Style): ReadonlyArray<string> => {
  const rolling = rows.some(({ wau }) => wau !== undefined)
  const columns = [
    { title: "date", align: "left" as const },
    { title: "users", align: "right" as const },
    ...(rolling
      ? [
          { title: "7 days", align: "right" as const },
          { title: "30 days", align: "right" as const }
        ]
      : [])
  ]
  const cells = rows.map((row) => [
    row.complete ? row.date : `${row.date}*`,
    grouped(row.users),
    ...(rolling ? [grouped(row.wau ?? 0), grouped(row.mau ?? 0)] : [])
  ])
  return withBars(
    table(columns, cells),
    rows.map(({ users }) => users),
    style
  )
}

export const renderTopEvents = (
  { as_of, params, rows }: (typeof TopEventsAnswer)["Type"],
  style: Style
): ReadonlyArray<string> => {
  const top = heading({ title: `top events${titleBy(params)}`, params, as_of }, style)
  if (rows.length === 0) return [top, "", "no events in this range"]
  return [top, "", ...byValue(rows, style, (of) => renderTypes(of, style))]
}

const renderTypes = (rows: (typeof TopEventsAnswer)["Type"]["rows"], style: Style): ReadonlyArray<string> => {
  const lines = table(
    [
      { title: "event type", align: "left" },
      { title: "events", align: "right" },
      { title: "users", align: "right" }
    ],
    rows.map((row) => [printable(row.event_type), grouped(row.events), grouped(row.users)])
  )
  return withBars(
    lines,
    rows.map(({ events }) => events),
    style
  )
}

/** Wide enough for `100.0%`. */
const RATE_WIDTH = 6
const CELL_WIDTH = RATE_WIDTH + 2
/** Without colour a cell is `rate ██ `, one blank more than its neighbour needs. */
const PLAIN_CELL_WIDTH = RATE_WIDTH + 4

export const renderRetention = (
  { as_of, params, rows }: (typeof RetentionAnswer)["Type"],
  style: Style
): ReadonlyArray<string> => {
  const interval = String(params["interval"] ?? "week")
  const top = heading({ title: `retention by ${interval}${titleBy(params)}`, params, as_of }, style)
  if (rows.length === 0) return [top, "", "no cohorts in this range"]
  const open = rows.some(({ cells, size }) => size > 0 && cells.some(({ complete }) => !complete))
  return [
    top,
    "",
    ...byValue(rows, style, (of) => renderHeat(of, params, style)),
    ...(open ? ["", dim(INCOMPLETE, style)] : [])
  ]
}

const renderHeat = (
  rows: (typeof RetentionAnswer)["Type"]["rows"],
  params: Readonly<Record<string, unknown>>,
  style: Style
): ReadonlyArray<string> => {
  const interval = String(params["interval"] ?? "week")
  const left = table(
    [
      { title: "cohort", align: "left" },
      { title: "users", align: "right" }
    ],
    rows.map((row) => [row.cohort, grouped(row.size)])
  )
  const width = widthOf(left)
  const cellWidth = style.colour ? CELL_WIDTH : PLAIN_CELL_WIDTH
  const indices = Array.from({ length: greatest(rows.map(({ cells }) => cells.length)) }, (_, index) => index)
  const offset = style.colour ? RATE_WIDTH + 1 : RATE_WIDTH
  const header = indices
    .map((index) => pad(pad(headerOf(index, interval, params), offset, "right"), cellWidth, "left"))
    .join("")
  // Cell 0 is 100 % by definition: the scale is that of the others, or they would all look alike.
  const best = greatest(rows.flatMap(({ cells }) => cells.slice(1).map(({ rate }) => rate)))
  const warmth = (rate: number) => (best > 0 ? rate / best : 0)
  const shown = (row: (typeof rows)[number]) =>
    row.cells.map((cell) => renderCell(cell, row.size, warmth(cell.rate), style)).join("")
  return [
    `${pad(left[0]!, width, "left")}  ${header}`.trimEnd(),
    ...rows.map((row, index) => `${pad(left[index + 1]!, width, "left")}  ${shown(row)}`.trimEnd())
  ]
}

const ROLLING_DAYS: Readonly<Record<string, number>> = { day: 1, week: 7, month: 30 }

const headerOf = (index: number, interval: string, params: Readonly<Record<string, unknown>>): string => {
  if (index === 0) return "0"
  return params["bucket"] === "rolling" ? `+${index * (ROLLING_DAYS[interval] ?? 1)}d` : `+${index}${interval[0]!}`
}

interface Cell {
  readonly users: number
  readonly rate: number
  readonly complete: boolean
}

/** A cell that has not begun holds nothing to read and stays blank; one under way is marked. */
const renderCell = ({ complete, rate, users }: Cell, size: number, warmth: number, style: Style): string => {
  const blank = " ".repeat(style.colour ? CELL_WIDTH : PLAIN_CELL_WIDTH)
  if (size === 0 || (!complete && users === 0)) return blank
  const percent = rate >= 0.9995 ? "100%" : `${(rate * 100).toFixed(1)}%`
  const text = (complete ? percent : `${percent}*`).padStart(RATE_WIDTH)
  return style.colour ? heat(text, warmth, style) : `${heat(text, warmth, style)} `
}
