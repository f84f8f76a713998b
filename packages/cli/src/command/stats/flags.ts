import { type Kind, type Parameter, parseFilter } from "@millrace/core"
import { Effect, Option } from "effect"
import { Flag } from "effect/cli"
import { daysBefore, type Parameters, text, today } from "./shared.ts"

const PLACEHOLDERS: { readonly [Name in Kind]: string } = {
  date: "DATE",
  "row-date": "DATE",
  zone: "ZONE",
  choice: "NAME",
  flag: "BOOLEAN",
  integer: "N",
  limit: "N",
  duration: "TIME",
  "event-type": "TYPE",
  steps: "STEP",
  filter: "FILTER",
  field: "FIELD",
  property: "NAME",
  name: "NAME",
  value: "VALUE",
  user: "USER"
}

export const placeholderOf = ({ kind, placeholder }: Parameter): string =>
  placeholder ?? (kind === undefined ? "TEXT" : PLACEHOLDERS[kind])

/** `a, b or c` */
const anyOf = (values: ReadonlyArray<string>) => [values.slice(0, -1).join(", "), values.at(-1)!].join(" or ")

const helpOf = ({ assumed, description = "", help, initial, maximum, minimum, values }: Parameter): string => {
  const taken = values === undefined ? undefined : anyOf(values)
  const bounds = minimum === undefined || maximum === undefined ? undefined : `${minimum}–${maximum}`
  const preset = assumed?.says ?? initial
  return `${help ?? taken ?? bounds ?? description}${preset === undefined ? "" : ` (default: ${preset})`}`
}

/** What is off unless it is asked for. */
const isSwitch = ({ initial, kind }: Parameter) => kind === "flag" && initial === "false"

type FlagValue = Option.Option<string> | boolean | ReadonlyArray<string>
export type Flags = Readonly<Record<string, Flag.Flag<FlagValue>>>

const flagOf = (parameter: Parameter): Flag.Flag<FlagValue> => {
  const { help = "", kind, name } = parameter
  if (isSwitch(parameter)) {
    return Flag.Boolean(kebabCase(name)).pipe(Flag.withDefault(false), Flag.withDescription(help))
  }
  // One step each time.
  return kind === "steps"
    ? Flag.String(kebabCase(name).replace(/s$/u, "")).pipe(
        Flag.atLeast(1),
        Flag.withMetavar(placeholderOf(parameter)),
        Flag.withDescription(helpOf(parameter))
      )
    : text(kebabCase(name), placeholderOf(parameter), helpOf(parameter))
}

const kebabCase = (name: string) => name.replaceAll("_", "-")

/** A flag for each parameter, by its name. */
export const flagsOf = (parameters: ReadonlyArray<Parameter>): Flags =>
  Object.fromEntries(parameters.map((parameter) => [parameter.name, flagOf(parameter)]))

/** A step that reads as a filter is one; anything else is an event type. */
const stepOf = (given: string): unknown => {
  try {
    return parseFilter(given)
  } catch {
    return given
  }
}

/** The parameters that the flags give; dates that have to be there are counted back from today, or from one another. */
export const parametersOf = Effect.fnUntraced(function* (
  parameters: ReadonlyArray<Parameter>,
  given: Readonly<Record<string, FlagValue>>
) {
  const zone = parameters.find(({ kind }) => kind === "zone")
  const textOf = (name: string | undefined) => {
    const found = name === undefined ? undefined : given[name]
    return Option.isOption(found) ? found : Option.none<string>()
  }
  const now = yield* today(textOf(zone?.name))
  const dateOf = ({ assumed, name }: Parameter): string | undefined => {
    const own = Option.getOrUndefined(textOf(name))
    if (own !== undefined || assumed === undefined) return own
    const base = parameters.find((parameter) => parameter.name === assumed.before)
    return daysBefore(base === undefined ? now : (dateOf(base) ?? now), assumed.days)
  }
  const values: Record<string, Option.Option<string> | string> = {}
  for (const parameter of parameters) {
    const { name } = parameter
    const value = given[name]
    const date = parameter.assumed === undefined ? undefined : dateOf(parameter)
    if (date !== undefined) values[name] = date
    else if (Option.isOption(value)) values[name] = value
    else if (value === true) values[name] = "true"
    else if (typeof value === "object") values[name] = JSON.stringify(value.map(stepOf))
  }
  return values satisfies Parameters
})
