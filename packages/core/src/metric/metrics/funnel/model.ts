import { Schema } from "effect"
import { breakdownKey, type WithBreakdown, type WithoutBreakdown } from "../../breakdown/index.ts"
import { text } from "../../fieldParams.ts"
import { about } from "../../Parameter.ts"
import * as Params from "../../params.ts"
import { ratio, seconds, share } from "../../rows.ts"

const UNIT_MICROS: Readonly<Record<string, number>> = { s: 1e6, m: 60e6, h: 3_600e6, d: 86_400e6 }

const WINDOW_MAX_MICROS = 366 * 86_400e6
const WINDOW = /^[1-9]\d{0,7}[smhd]$/u

export const windowMicros = (window: string): number => Number(window.slice(0, -1)) * UNIT_MICROS[window.at(-1)!]!

const Window = text(
  (value) =>
    WINDOW.test(value) && windowMicros(value) <= WINDOW_MAX_MICROS
      ? undefined
      : "must be a whole number with s, m, h or d behind it, like 7d, and 366 days at most",
  { description: "How long an attempt may take: a whole number with s, m, h or d behind it." }
)

/** The parameters of a funnel's attempts. */
export const attempts = {
  ...Params.range,
  steps: Params.steps,
  window: about(Params.defaulted(Window, "7d"), {
    kind: "duration",
    help: "What an attempt may take, like 30m, 12h or 7d"
  }),
  order: Params.choice(["ordered", "strict", "any"])
}

export const params = Schema.Struct({ ...attempts, ...Params.common }).check(Params.rangeCheck)
/** Also of a listing, which names the breakdown's value. */
export type FunnelParams = typeof params.Type & WithBreakdown

const secondsToStep = (which: string) =>
  Schema.NullOr(seconds).annotate({
    description: `${which} of the seconds from the step before to this one; null for the first step and where nobody got here.`
  })

export const row = Schema.Struct({
  ...breakdownKey,
  step: Schema.Int.annotate({ description: "From 1; for order=any the number of steps taken." }),
  users: Schema.Int.annotate({ description: "Users whose best attempt got here." }),
  from_previous: share,
  from_first: share,
  median_seconds: secondsToStep("Median"),
  mean_seconds: secondsToStep("Mean"),
  complete: Schema.Boolean.annotate({ description: "Every window had ended by as_of." })
})
export type FunnelRow = typeof row.Type

/** How many users reached a step, and how long they took from the one before: what both sides make rows of. */
interface StepCount {
  readonly users: number
  /** Sum, in microseconds, as a double. */
  readonly micros: number
  readonly medianMicros: number | null
}

export const rowsOf = (
  counts: ReadonlyArray<StepCount>,
  complete: boolean
): ReadonlyArray<WithoutBreakdown<FunnelRow>> =>
  counts.map(({ medianMicros, micros, users }, index) => {
    const timed = index > 0 && users > 0
    return {
      step: index + 1,
      users,
      from_previous: ratio(users, counts[Math.max(0, index - 1)]!.users),
      from_first: ratio(users, counts[0]!.users),
      median_seconds: timed && medianMicros !== null ? medianMicros / 1e6 : null,
      mean_seconds: timed ? micros / users / 1e6 : null,
      complete
    }
  })
