import { type Event, type MetricName, parseInstant, type RawParams } from "@millrace/core"
import { eventOf } from "../events.ts"

/** The source of a published case; its facts are expressed anew here. */
export interface Source {
  readonly product: "PostHog" | "ClickHouse" | "Plausible"
  readonly file: string
  readonly commit: string
}

/** An example: events in, rows out, worked out by hand; every engine must give these rows. */
export interface MetricExample {
  readonly title: string
  readonly source?: Source | undefined
  /** Theirs, where the source has other numbers for these events: what it calls its definition, and its numbers. */
  readonly theirs?: { readonly mode: string; readonly numbers: string; readonly why: string } | undefined
  readonly metric: MetricName
  readonly params: RawParams
  readonly events: ReadonlyArray<Event>
  /** Instant in UTC microseconds. */
  readonly as_of: number
  readonly rows: ReadonlyArray<unknown>
  /** Columns that the rows have, where the source says nothing about the others. */
  readonly columns?: ReadonlyArray<string> | undefined
}

/** The part of an answer that the example says something about. */
export const shownOf = ({ columns }: MetricExample, rows: ReadonlyArray<object>): ReadonlyArray<object> =>
  columns === undefined
    ? rows
    : rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => columns.includes(name))))

export const published = (source: Source, examples: ReadonlyArray<MetricExample>): ReadonlyArray<MetricExample> =>
  examples.map((example) => ({ ...example, source }))

/** Events from `[user, instant, type = "visit", properties = {}]`; ids are numbered in order. */
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

/** An instant later than every interval of the examples. */
export const LONG_AFTER = instantOf("2030-01-01T00:00:00Z")
