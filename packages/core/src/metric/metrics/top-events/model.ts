import type { Broken, Valued } from "../../breakdown/index.ts"
import type { Narrowed } from "../../source.ts"

export interface TopEventsParams extends Narrowed, Broken {
  readonly from: string
  readonly to: string
  readonly tz: string
  readonly limit: number
}

export interface TopEventsCounts {
  readonly event_type: string
  readonly events: number
  readonly users: number
}

export type TopEventsRow = Valued<TopEventsCounts>
