import { type CountingName, metrics, type Parameter, parametersIn } from "@millrace/core"
import type { Params } from "./arbitraries/params.ts"

const STEPS = "visit,cart,purchase"

/** Parameters, as few as a metric can be asked with, about these days. */
export const leastParams = (metric: CountingName, days: { readonly from: string; readonly to: string }): Params => {
  const required = parametersIn(metrics[metric].params).filter((parameter) => parameter.required)
  const first = required.find(({ kind }) => kind === "date")
  const given = ({ kind, name }: Parameter): string => {
    if (kind === "date") return name === first?.name ? days.from : days.to
    if (kind === "steps") return STEPS
    throw new Error(`${metric} requires ${name}, which is ${kind ?? "of no kind"}`)
  }
  return Object.fromEntries(required.map((parameter) => [parameter.name, given(parameter)]))
}
