import type { Broken, Valued } from "../../breakdown/index.ts"
import type { DateInterval, Spanned } from "../../calendar.ts"
import type { Narrowed } from "../../source.ts"

export interface LifecycleParams extends Spanned, Narrowed, Broken {
  readonly interval: DateInterval
  readonly event_type?: string | undefined
}

export interface LifecycleCounts {
  readonly date: string
  readonly new: number
  readonly returning: number
  readonly resurrecting: number
  /** Never above 0. */
  readonly dormant: number
  readonly complete: boolean
}

export type LifecycleRow = Valued<LifecycleCounts>

export const STATES = ["new", "returning", "resurrecting", "dormant"] as const
export type State = (typeof STATES)[number]
