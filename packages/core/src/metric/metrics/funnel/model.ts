import type { Broken, Valued } from "../../breakdown/index.ts"
import type { Filter } from "../../filter/index.ts"
import type { Narrowed } from "../../source.ts"

export interface FunnelParams extends Narrowed, Broken {
  readonly from: string
  readonly to: string
  readonly tz: string
  readonly steps: ReadonlyArray<Filter>
  /** A whole number with its unit: `30m`, `7d`. */
  readonly window: string
  readonly order: "ordered" | "strict" | "any"
}

export interface FunnelStep {
  /** From 1. */
  readonly step: number
  readonly users: number
  readonly from_previous: number
  readonly from_first: number
  readonly median_seconds: number | null
  readonly mean_seconds: number | null
  readonly complete: boolean
}

export type FunnelRow = Valued<FunnelStep>

const UNIT_MICROS: Readonly<Record<string, number>> = { s: 1e6, m: 60e6, h: 3_600e6, d: 86_400e6 }

export const WINDOW_MAX_MICROS = 366 * 86_400e6
export const WINDOW = /^[1-9]\d{0,7}[smhd]$/u

export const windowMicros = (window: string): number => Number(window.slice(0, -1)) * UNIT_MICROS[window.at(-1)!]!

/** How many users reached a step, and how long they took from the one before: what both sides make rows of. */
export interface StepCount {
  readonly users: number
  /** Sum, in microseconds, as a double. */
  readonly micros: number
  readonly medianMicros: number | null
}

export const rowsOf = (counts: ReadonlyArray<StepCount>, complete: boolean): ReadonlyArray<FunnelStep> =>
  counts.map(({ medianMicros, micros, users }, index) => {
    const share = (of: number) => (of === 0 ? 0 : users / of)
    const timed = index > 0 && users > 0
    return {
      step: index + 1,
      users,
      from_previous: share(counts[Math.max(0, index - 1)]!.users),
      from_first: share(counts[0]!.users),
      median_seconds: timed && medianMicros !== null ? medianMicros / 1e6 : null,
      mean_seconds: timed ? micros / users / 1e6 : null,
      complete
    }
  })
