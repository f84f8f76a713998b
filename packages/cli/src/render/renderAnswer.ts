import { type CountingName, type Drawing, measureOf, metrics, fieldsOf } from "@millrace/core"
import { answer, heading, INCOMPLETE, withBars } from "./answer.ts"
import { duration, hasOpenCell, percent, plainText, renderCurves, renderHeat, renderSides } from "./drawings.ts"
import { dim, type Style } from "./Style.ts"
import { byValue, type Column, labelOf, printable, table, titleBy, valueOf } from "./table.ts"
export type Row = Readonly<Record<string, unknown>>
type Params = Readonly<Record<string, unknown>>
type Drawn = Drawing<Params, Row>

/** A metric's answer as a server sends it. */
export const answerOf = (name: CountingName) => answer(metrics[name].row)

interface Shown {
  readonly params: Params
  readonly as_of: string | null
  readonly rows: ReadonlyArray<object>
}

/** As a table of the row's columns, with what the metric says of how it is drawn. */
export const renderAnswer = (name: CountingName, shown: Shown, style: Style): ReadonlyArray<string> => {
  const { as_of, params } = shown
  const drawing = (metrics[name].drawn ?? {}) as Drawn
  const rows = (shown.rows as ReadonlyArray<Row>).filter((row) => drawing.isDrawn?.(row) ?? true)
  const said = printable(drawing.heading?.(params) ?? name.replaceAll("-", " "), TITLE_CHARACTERS_MAX)
  const title = `${said}${titleBy(params)}`
  const top = heading({ title, params, as_of }, style)
  if (rows.length === 0) return [top, "", drawing.nothing ?? "no rows in this range"]
  const isOpen = rows.some((row) => row["complete"] === false || hasOpenCell(row, drawing.shape))
  const note = isOpen ? ["", dim(drawing.incomplete ?? INCOMPLETE, style)] : []
  return [top, "", ...bodyOf({ name, drawing, params, style }, rows), ...note]
}

interface Question {
  readonly name: CountingName
  readonly drawing: Drawn
  readonly params: Params
  readonly style: Style
}

const bodyOf = (question: Question, rows: ReadonlyArray<Row>): ReadonlyArray<string> => {
  const { bar, breakdown, shape } = question.drawing
  const { style } = question
  const isBroken = rows.some((row) => valueOf(row) !== undefined)
  if (isBroken && breakdown === "curves" && bar !== undefined) return renderCurves(rows, bar, style)
  if (breakdown === "column") return tableOf(question, rows, isBroken)
  return byValue(rows, style, (of) => {
    const lines = () => columnsOf(question, of)
    if (shape?.kind === "heat") return renderHeat({ left: lines(), rows: of, shape, params: question.params, style })
    return shape?.kind === "sides" ? renderSides(lines(), of, shape, style) : tableOf(question, of, false)
  })
}

/** With a bar behind each row, where the metric names its number. */
const tableOf = (question: Question, rows: ReadonlyArray<Row>, withValue: boolean): ReadonlyArray<string> => {
  const lines = columnsOf(question, rows, withValue)
  const { bar } = question.drawing
  return bar === undefined
    ? lines
    : withBars(
        lines,
        rows.map((row) => Number(row[bar] ?? 0)),
        question.style
      )
}

const valueColumn = (rows: ReadonlyArray<Row>) =>
  rows.map((row, index) => {
    const value = valueOf(row)
    return index > 0 && valueOf(rows[index - 1]!) === value ? "" : labelOf(value)
  })

/** Say which row it is and how far it may be trusted, not what is in it. */
const OF_THE_ROW: ReadonlySet<string> = new Set(["breakdown", "complete"])

const columnsOf = (question: Question, rows: ReadonlyArray<Row>, withValue = false): ReadonlyArray<string> => {
  const { drawing, name, params } = question
  const schemas = fieldsOf(metrics[name].row)
  const columns =
    drawing.columns ??
    Object.keys(schemas)
      .filter((field) => !OF_THE_ROW.has(field))
      .map((field): NonNullable<Drawn["columns"]>[number] => ({ field }))
  const drawn = columns.filter(({ field }) => rows.some((row) => row[field] !== undefined))
  const titles = drawn.map(({ field, label, title }): Column => {
    const isText = label !== undefined || rows.some((row) => typeof row[field] === "string")
    const said = typeof title === "function" ? title(params) : (title ?? field.replaceAll("_", " "))
    return { title: printable(said, TITLE_CHARACTERS_MAX), align: isText ? "left" : "right" }
  })
  const cells = rows.map((row) =>
    drawn.map(({ before = "", field, label, ofFirst }, index) => {
      const measure = ofFirst === true ? "share" : measureOf(schemas[field]!)
      const value = ofFirst === true ? Number(row[field]) / Number(rows[0]![field]) : row[field]
      const mark = index === 0 && row["complete"] === false ? "*" : ""
      const said = label === undefined ? "" : ` ${printable(label(row, params), LABEL_CHARACTERS_MAX)}`
      return `${before}${textOf(value, measure)}${said}${mark}`
    })
  )
  if (!withValue) return table(titles, cells)
  const values = valueColumn(rows)
  return table(
    [{ title: "value", align: "left" }, ...titles],
    cells.map((row, index) => [values[index]!, ...row])
  )
}

const LABEL_CHARACTERS_MAX = 24
const TITLE_CHARACTERS_MAX = 80

const textOf = (value: unknown, measure: ReturnType<typeof measureOf>): string => {
  if (measure === "seconds" && (typeof value === "number" || value === null)) return duration(value)
  return measure === "share" && typeof value === "number" ? percent(value) : plainText(value)
}
