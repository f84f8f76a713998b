import { Schema } from "effect"
import { answer, heading, withBars } from "./answer.ts"
import type { Style } from "./Style.ts"
import { grouped, printable, table } from "./table.ts"
import { byValue, titleBy, valueKey } from "./values.ts"

export const StickinessAnswer = answer(
  Schema.Struct({ ...valueKey, intervals: Schema.Int, users: Schema.Int, at_least: Schema.Int })
)
export const PathsAnswer = answer(
  Schema.Struct({ ...valueKey, from: Schema.String, to: Schema.String, transitions: Schema.Int, users: Schema.Int })
)

/** Up to the last number of intervals that anybody reached. */
export const renderStickiness = (
  { as_of, params, rows }: (typeof StickinessAnswer)["Type"],
  style: Style
): ReadonlyArray<string> => {
  const interval = String(params["interval"] ?? "day")
  const top = heading({ title: `users by active ${interval}s${titleBy(params)}`, params, as_of }, style)
  const reached = rows.filter(({ at_least }) => at_least > 0)
  if (reached.length === 0) return [top, "", "no users in this range"]
  return [top, "", ...byValue(reached, style, (of) => histogram(of, interval, style))]
}

const histogram = (
  reached: (typeof StickinessAnswer)["Type"]["rows"],
  interval: string,
  style: Style
): ReadonlyArray<string> => {
  const all = reached[0]!.at_least
  const lines = table(
    [
      { title: `${interval}s`, align: "right" },
      { title: "users", align: "right" },
      { title: "or more", align: "right" },
      { title: "share", align: "right" }
    ],
    reached.map((row) => [
      grouped(row.intervals),
      grouped(row.users),
      grouped(row.at_least),
      `${((row.at_least / all) * 100).toFixed(1)}%`
    ])
  )
  const users = reached.map((row) => row.users)
  return withBars(lines, users, style)
}

export const renderPaths = (
  { as_of, params, rows }: (typeof PathsAnswer)["Type"],
  style: Style
): ReadonlyArray<string> => {
  const top = heading({ title: `paths${titleBy(params)}`, params, as_of }, style)
  if (rows.length === 0) return [top, "", "nothing followed anything in this range"]
  return [top, "", ...byValue(rows, style, (of) => transitions(of, style))]
}

const transitions = (rows: (typeof PathsAnswer)["Type"]["rows"], style: Style): ReadonlyArray<string> => {
  const lines = table(
    [
      { title: "from", align: "left" },
      { title: "to", align: "left" },
      { title: "times", align: "right" },
      { title: "users", align: "right" }
    ],
    rows.map((row) => [printable(row.from), `→ ${printable(row.to)}`, grouped(row.transitions), grouped(row.users)])
  )
  return withBars(
    lines,
    rows.map((row) => row.transitions),
    style
  )
}
