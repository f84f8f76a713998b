import fc from "fast-check"
import { type Event, type MetricName, slotsOf, type Spanned, STATES } from "@millrace/core"
import { cellsOf } from "../cellsOf.ts"
import { questionOf } from "../questionOf.ts"
import { eventType, userId } from "./history.ts"
import type { Params } from "./params.ts"

interface Asked {
  readonly params: Params
  readonly as_of: number
}

const limit = fc.constantFrom("1", "2", "1000", "1000")
const page: fc.Arbitrary<Params> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ limit }) },
  { weight: 1, arbitrary: fc.record({ limit, after: userId }) }
)

/** As they stand in a query string; mostly values that histories hold. */
const value = fc.constantFrom(
  "pro",
  "pro",
  "free",
  "$none",
  "$none",
  "$other",
  "visit",
  "s3",
  "4",
  "1",
  '"1"',
  "true",
  "0",
  ""
)

const without = (params: Params, ...names: ReadonlyArray<string>): Params =>
  Object.fromEntries(Object.entries(params).filter(([name]) => !names.includes(name)))

/** Parameters that make a question about a metric one about the users of a cell. */
export interface Aim {
  /** A cell that may or may not be there. */
  readonly guess: Params
  readonly page: Params
  /** Which of the answer's cells it is, if it has some with users; undefined: it stays with the guess. */
  readonly pick: number | undefined
}

const PICKS = 1_000

export const aimOf = (metric: MetricName, asked: Params): fc.Arbitrary<Aim> =>
  fc
    .record({ cell: CELLS[metric]!(asked), value, page, pick: fc.option(fc.nat(PICKS - 1), { nil: undefined }) })
    .map(({ cell, value: breakdown_value, ...rest }) => ({
      ...rest,
      guess: asked["breakdown"] === undefined ? cell : { ...cell, breakdown_value }
    }))

/** What can leave nobody to list. */
const NARROWING = [
  "where",
  "breakdown",
  "breakdown_of",
  "event_type",
  "start_event",
  "return_event",
  "property",
  "measure"
]

/** Of these events; if it can be, about somebody. */
export const aimed = (aim: Aim, metric: MetricName, asked: Asked, events: ReadonlyArray<Event>): Params => {
  const { guess, page: part, pick } = aim
  const asking = without(asked.params, "limit")
  if (pick !== undefined) {
    for (const params of [asking, without(asking, "where"), without(asking, ...NARROWING)]) {
      const rows = questionOf(metric, params, { project_id: "any", as_of: asked.as_of }).reference(events)
      const cells = cellsOf(metric, rows).filter(({ users }) => users !== 0)
      if (cells.length > 0) return { ...params, ...cells[Math.floor((pick / PICKS) * cells.length)]!.cell, ...part }
    }
  }
  return { ...asking, ...guess, ...part }
}

const slotsOfAsked = (asked: Params) =>
  slotsOf({ interval: "day", week_start: "monday", ...asked } as unknown as Spanned, 0)

/** The date of a row. Where a range has no hour at all, days are asked for. */
const dated = (asked: Params): fc.Arbitrary<Params> => {
  const dates = slotsOfAsked(asked).map(({ date }) => date)
  return dates.length === 0
    ? fc.constant({ interval: "day", date: asked["from"]! })
    : fc.constantFrom(...dates).map((date) => ({ date }))
}

const withColumn = (asked: Params) =>
  fc
    .tuple(dated(asked), asked["rolling"] === "true" ? fc.constantFrom("users", "wau", "mau") : fc.constant("users"))
    .map(([date, column]) => ({ ...date, column }))

const CELLS: Partial<Readonly<Record<MetricName, (asked: Params) => fc.Arbitrary<Params>>>> = {
  dau: withColumn,
  "active-users": withColumn,
  "top-events": () => fc.record({ event_type: eventType }),
  retention: (asked) =>
    fc.record({
      cohort: fc.integer({ min: 0, max: 60 }).map((days) => {
        const [date, end] = [dateAfter(asked["start_date"]!, days), asked["end_date"]]
        return end !== undefined && date > end ? end : date
      }),
      cell: fc.nat(Number(asked["windows"] ?? 8) - 1).map(String),
      returned: fc.constantFrom("true", "true", "false")
    }),
  trend: dated,
  lifecycle: (asked) => fc.tuple(dated(asked), fc.constantFrom(...STATES)).map(([date, state]) => ({ ...date, state })),
  stickiness: (asked) =>
    fc.record({
      intervals: fc.integer({ min: 1, max: Math.max(1, Math.min(5, slotsOfAsked(asked).length)) }).map(String),
      column: fc.constantFrom("users", "at_least")
    }),
  funnel: (asked) =>
    fc
      .tuple(fc.nat((JSON.parse(asked["steps"]!) as ReadonlyArray<unknown>).length - 1), fc.boolean())
      .map(([index, dropped]) => ({
        step: String(index + 1),
        outcome: dropped && index > 0 ? "dropped" : "reached"
      })),
  paths: () => fc.record({ source: named, target: named })
}

/** Of events, or of what property they are named by. */
const named = fc.oneof(eventType, fc.constantFrom("pro", "free"))

const DAY_MILLIS = 86_400_000
const dateAfter = (date: string, days: number) =>
  new Date(Math.max(0, Date.parse(`${date}T00:00:00Z`) + days * DAY_MILLIS)).toISOString().slice(0, 10)
