import type { Event } from "../../event/Event.ts"
import { parseInstant } from "../../event/instant.ts"
import type { RawParams } from "../../metric/query.ts"
import type { MetricName } from "../../metric/registry.ts"
import { eventOf } from "../events.ts"

/** Events in, rows out, worked out by hand; every engine must give these rows. */
export interface MetricExample {
  readonly title: string
  readonly metric: MetricName
  readonly params: RawParams
  readonly events: ReadonlyArray<Event>
  /** UTC microseconds. */
  readonly as_of: number
  readonly rows: ReadonlyArray<unknown>
}

/** `[user, instant, type = "visit", properties = {}]`; ids are numbered in order. */
export const eventsFrom = (
  rows: ReadonlyArray<readonly [user: string, instant: string, type?: string, properties?: object]>
): ReadonlyArray<Event> =>
  rows.map(([user_id, instant, event_type = "visit", properties = {}], index) =>
    eventOf(index + 1, {
      user_id,
      event_type,
      occurred_at: instantOf(instant),
      properties: JSON.stringify(properties)
    })
  )

/** Microseconds of an RFC 3339 text that is known to be right. */
export const instantOf = (text: string): number => {
  const instant = parseInstant(text)
  if (instant === undefined) throw new RangeError(`not an instant: ${text}`)
  return instant
}

/** Later than every interval of the examples. */
export const LONG_AFTER = instantOf("2030-01-01T00:00:00Z")
