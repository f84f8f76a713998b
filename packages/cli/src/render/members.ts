import { cellParametersOf, type CountingName, metrics, parametersIn } from "@millrace/core"
import { Schema } from "effect"
import { answer, heading } from "./answer.ts"
import { dim, type Style } from "./Style.ts"
import { printable } from "./table.ts"

export const MembersAnswer = answer(Schema.Struct({ user_id: Schema.String }))

/** One user a line; under a full page what asks for the next one. */
export const renderMembers = (
  name: CountingName,
  { as_of, params, rows }: Pick<(typeof MembersAnswer)["Type"], "as_of" | "params" | "rows">,
  style: Style
): ReadonlyArray<string> => {
  const headed = parametersIn(metrics[name].params).filter(({ isHeading }) => isHeading === true)
  const said = [...[...cellParametersOf(name), ...headed].map((parameter) => parameter.name), "breakdown_value"]
  const cell = said.filter((field) => params[field] !== undefined).map((field) => `${field}=${shown(params[field])}`)
  const title = `users of ${name}, ${cell.join(" ")}`
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
