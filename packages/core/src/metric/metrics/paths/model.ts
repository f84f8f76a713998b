import type { Broken, Valued } from "../../breakdown/index.ts"
import type { Narrowed } from "../../source.ts"

export interface PathsParams extends Narrowed, Broken {
  readonly from: string
  readonly to: string
  readonly tz: string
  readonly limit: number
  readonly property?: string | undefined
}

export interface PathsCounts {
  readonly from: string
  readonly to: string
  readonly transitions: number
  readonly users: number
}

export type PathsRow = Valued<PathsCounts>

/** A session goes on while no pause is longer, */
export const IDLE_MICROS = 30 * 60_000_000
/** and while it lasts no longer than this. */
export const SESSION_MICROS = 24 * 3_600_000_000
