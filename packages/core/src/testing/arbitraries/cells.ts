import fc from "fast-check"
import { slotsOf, type Spanned } from "../../metric/calendar.ts"
import { STATES } from "../../metric/metrics/lifecycle/model.ts"
import type { MetricName } from "../../metric/registry.ts"
import { eventType, userId } from "./history.ts"
import type { Params } from "./params.ts"

const page: fc.Arbitrary<Params> = fc.record(
  { limit: fc.constantFrom("1", "2", "1000"), after: userId },
  { requiredKeys: ["limit"] }
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

/** A question about a metric, made one about the users of a cell, which need not have any. */
export const cellOf = (metric: MetricName, asked: Params): fc.Arbitrary<Params> =>
  fc.record({ cell: CELLS[metric]!(asked), page, value }).map(({ cell, page: part, value: breakdown_value }) => ({
    ...without(asked, "limit"),
    ...cell,
    ...part,
    ...(asked["breakdown"] === undefined ? {} : { breakdown_value })
  }))

/** The date of a row. Where a range has no hour at all, days are asked for. */
const dated = (asked: Params): fc.Arbitrary<Params> => {
  const spanned = { interval: "day", week_start: "monday", ...asked } as unknown as Spanned
  const dates = slotsOf(spanned, 0).map(({ date }) => date)
  return dates.length === 0
    ? fc.constant({ interval: "day", date: spanned.from })
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
      cohort: fc.integer({ min: -3, max: 60 }).map((days) => dateAfter(asked["start_date"]!, days)),
      cell: fc.nat(Number(asked["windows"] ?? 8) - 1).map(String),
      returned: fc.constantFrom("true", "true", "false")
    }),
  trend: dated,
  lifecycle: (asked) => fc.tuple(dated(asked), fc.constantFrom(...STATES)).map(([date, state]) => ({ ...date, state })),
  stickiness: () =>
    fc.record({ intervals: fc.integer({ min: 1, max: 5 }).map(String), column: fc.constantFrom("users", "at_least") }),
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
