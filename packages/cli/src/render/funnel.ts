import { Schema } from "effect"
import { answer, heading, withBars } from "./answer.ts"
import { dim, type Style } from "./Style.ts"
import { grouped, printable, table } from "./table.ts"
import { labelOf, titleBy, valueKey } from "./values.ts"

export const FunnelAnswer = answer(
  Schema.Struct({
    ...valueKey,
    step: Schema.Int,
    users: Schema.Int,
    from_previous: Schema.Finite,
    from_first: Schema.Finite,
    median_seconds: Schema.NullOr(Schema.Finite),
    mean_seconds: Schema.NullOr(Schema.Finite),
    complete: Schema.Boolean
  })
)

const OPEN = "*  some attempts could still go on at that instant"

export const renderFunnel = (
  { as_of, params, rows }: (typeof FunnelAnswer)["Type"],
  style: Style
): ReadonlyArray<string> => {
  const top = heading(
    { title: `funnel within ${String(params["window"] ?? "7d")}${titleBy(params)}`, params, as_of },
    style
  )
  if (rows.length === 0) return [top, "", "nobody began in this range"]
  const broken = rows.some(({ breakdown }) => breakdown !== undefined)
  const names = stepNames(params)
  const lines = table(
    [
      ...(broken ? [{ title: "value", align: "left" as const }] : []),
      { title: "step", align: "left" },
      { title: "users", align: "right" },
      { title: "of first", align: "right" },
      { title: "of previous", align: "right" },
      { title: "median", align: "right" },
      { title: "mean", align: "right" }
    ],
    rows.map((row) => [
      ...(broken ? [row.step === 1 ? labelOf(row.breakdown) : ""] : []),
      `${row.step} ${names[row.step - 1] ?? ""}${row.complete ? "" : "*"}`,
      grouped(row.users),
      percent(row.from_first),
      percent(row.from_previous),
      duration(row.median_seconds),
      duration(row.mean_seconds)
    ])
  )
  const open = rows.some(({ complete }) => !complete)
  const shares = rows.map(({ from_first }) => from_first)
  return [top, "", ...withBars(lines, shares, style), ...(open ? ["", dim(OPEN, style)] : [])]
}

const MAX_NAME_CHARACTERS = 24

/** In any order the steps have no place: the lines count how many were taken. */
const stepNames = (params: Readonly<Record<string, unknown>>): ReadonlyArray<string> => {
  const steps = params["order"] !== "any" && Array.isArray(params["steps"]) ? params["steps"] : []
  return steps.map((step: unknown) => printable(nameOf(step), MAX_NAME_CHARACTERS))
}

const nameOf = (step: unknown): string => {
  if (typeof step !== "object" || step === null) return ""
  if ("and" in step && Array.isArray(step.and)) return `${nameOf(step.and[0])} …`
  if ("or" in step && Array.isArray(step.or)) return `${nameOf(step.or[0])} or …`
  if (!("field" in step) || !("op" in step)) return ""
  const value = "value" in step ? JSON.stringify(step.value) : ""
  const typed = step.field === "event_type" && step.op === "=" && "value" in step
  return typed ? String(step.value) : `${String(step.field)} ${String(step.op)} ${value}`
}

const percent = (share: number) => `${(share * 100).toFixed(1)}%`

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
