import type { DateInterval, Spanned } from "../../calendar.ts"
import type { Narrowed } from "../../source.ts"

export interface LifecycleParams extends Spanned, Narrowed {
  readonly interval: DateInterval
  readonly event_type?: string | undefined
}

export interface LifecycleRow {
  readonly date: string
  readonly new: number
  readonly returning: number
  readonly resurrecting: number
  /** Never above 0. */
  readonly dormant: number
  readonly complete: boolean
}
