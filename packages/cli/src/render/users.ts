import { Schema } from "effect"
import { answer, heading } from "./answer.ts"
import { dim, type Style } from "./Style.ts"
import { printable } from "./table.ts"

export const UsersAnswer = answer(Schema.Struct({ user_id: Schema.String }))

/** What names the cell, in the order in which it is said. */
const CELL = [
  "date",
  "column",
  "event_type",
  "cohort",
  "cell",
  "returned",
  "step",
  "outcome",
  "state",
  "intervals",
  "source",
  "target",
  "breakdown_value"
]

/** One user a line; under a full page what asks for the next one. */
export const renderUsers = (
  { as_of, metric, params, rows }: (typeof UsersAnswer)["Type"],
  style: Style
): ReadonlyArray<string> => {
  const cell = CELL.filter((name) => params[name] !== undefined).map((name) => `${name}=${shown(params[name])}`)
  const title = `users of ${metric.replace("/users", "")}, ${cell.join(" ")}`
  const last = rows.at(-1)
  const full = last !== undefined && rows.length === params["limit"]
  return [
    heading({ title, params, as_of }, style),
    "",
    ...(rows.length === 0 ? ["nobody"] : rows.map(({ user_id }) => printable(user_id))),
    ...(full ? ["", dim(`there may be more: --after ${printable(JSON.stringify(last.user_id))}`, style)] : [])
  ]
}

const shown = (value: unknown) => (typeof value === "string" ? printable(value) : JSON.stringify(value))
