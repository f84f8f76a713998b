import type { Broken, Valued } from "../../breakdown/index.ts"
import type { Interval, WeekStart } from "../../calendar.ts"
import type { Narrowed } from "../../source.ts"

export interface ActiveUsersParams extends Narrowed, Broken {
  readonly from: string
  readonly to: string
  readonly tz: string
  readonly interval: Interval
  readonly week_start: WeekStart
  readonly rolling: boolean
}

export interface ActiveUsersCounts {
  readonly date: string
  readonly users: number
  readonly complete: boolean
  readonly wau?: number
  readonly mau?: number
  readonly dau_wau?: number
  readonly dau_mau?: number
}

export type ActiveUsersRow = Valued<ActiveUsersCounts>

/** Lengths of the rolling windows; they end with the day that they belong to. */
export const WEEK_DAYS = 7
export const MONTH_DAYS = 30
