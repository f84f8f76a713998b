import { type Broken, type Valued } from "../../breakdown/index.ts"
import type { DateInterval, Spanned } from "../../calendar.ts"
import type { Narrowed } from "../../source.ts"

export interface StickinessParams extends Spanned, Narrowed, Broken {
  readonly interval: DateInterval
  readonly event_type?: string | undefined
}

export interface StickinessCounts {
  readonly intervals: number
  readonly users: number
  readonly at_least: number
}

export type StickinessRow = Valued<StickinessCounts>

/** `users[n − 1]`: active in exactly n intervals. */
export const rowsOf = (users: ReadonlyArray<number>): ReadonlyArray<StickinessCounts> => {
  let at_least = users.reduce((sum, count) => sum + count, 0)
  return users.map((count, index) => {
    const found = { intervals: index + 1, users: count, at_least }
    at_least -= count
    return found
  })
}
