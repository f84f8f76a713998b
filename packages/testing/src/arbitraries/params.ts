import fc from "fast-check"
import { filter } from "./filters.ts"
import { eventType as anyEventType, PROPERTY_NAMES } from "./history.ts"
import { DAY } from "./moments.ts"

export type Params = Readonly<Record<string, string>>

/** Mostly one that histories hold. */
const eventType = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("visit", "purchase", "sign-up") },
  { weight: 1, arbitrary: anyEventType }
)

const dateOf = (micros: number) => new Date(Math.max(0, micros) / 1000).toISOString().slice(0, 10)

const dateWithin = (around: number, min: number, max: number) =>
  fc.integer({ min, max }).map((offset) => dateOf(around + offset * DAY))

/** Both dates in order, at most `days` apart, mostly with the day itself between them: about nothing there is little to ask. */
export const rangeNear = (around: number, days: number) =>
  fc
    .oneof(
      { weight: 3, arbitrary: fc.tuple(fc.integer({ min: -2, max: 0 }), fc.nat(2)) },
      { weight: 3, arbitrary: fc.tuple(fc.nat(days >> 1), fc.nat(days >> 1)).map(([back, on]) => [-back, on]) },
      {
        weight: 2,
        arbitrary: fc.tuple(fc.integer({ min: -days, max: days }), fc.nat(days)).map(([from, on]) => [from, from + on])
      }
    )
    .map(([from, to]) => ({ from: dateOf(around + from * DAY), to: dateOf(around + to * DAY) }))

const weekStart = fc.constantFrom("monday", "sunday")

export const activeUsersParams = (around: number) =>
  fc
    .oneof(
      fc.record({
        range: rangeNear(around, 2),
        interval: fc.constant("hour"),
        week_start: weekStart,
        rolling: fc.constant("false")
      }),
      fc.record({
        range: rangeNear(around, 40),
        interval: fc.constantFrom("day", "week", "month"),
        week_start: weekStart,
        rolling: fc.constant("false")
      }),
      fc.record({
        range: rangeNear(around, 40),
        interval: fc.constant("day"),
        week_start: weekStart,
        rolling: fc.constant("true")
      })
    )
    .map(({ range, ...rest }) => ({ ...range, ...rest }))

export const retentionParams = (around: number) =>
  fc
    .record(
      {
        start_date: fc.oneof(
          { weight: 3, arbitrary: dateWithin(around, -12, 1) },
          { weight: 1, arbitrary: dateWithin(around, -60, 60) }
        ),
        length: fc.nat(60),
        windows: fc.integer({ min: 1, max: 12 }).map(String),
        interval: fc.constantFrom("day", "week", "month"),
        week_start: weekStart,
        start_event: eventType,
        return_event: eventType,
        mode: fc.constantFrom("first-ever", "recurring"),
        measure: fc.constantFrom("on", "on-or-after"),
        bucket: fc.constantFrom("calendar", "rolling"),
        minimum_occurrences: fc.constantFrom("1", "2", "2", "3")
      },
      { requiredKeys: ["start_date", "windows", "interval", "mode", "measure", "bucket"] }
    )
    .map(({ length, ...params }): Record<string, string> =>
      length === undefined
        ? params
        : { ...params, end_date: dateOf(Date.parse(params.start_date) * 1000 + length * DAY) }
    )

export const topEventsParams = (around: number) =>
  fc
    .record({ range: rangeNear(around, 20), limit: fc.constantFrom("1", "3", "1000") })
    .map(({ range, limit }) => ({ ...range, limit }))

const spanned = (around: number) =>
  fc.record({
    range: rangeNear(around, 40),
    interval: fc.constantFrom("day", "week", "month"),
    week_start: weekStart
  })

export const field = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("properties.plan", "properties.sku", "properties.sku") },
  { weight: 1, arbitrary: fc.constantFrom("event_type", ...PROPERTY_NAMES.map((name) => `properties.${name}`)) }
)

const measured = fc.oneof(
  fc.record({ measure: fc.constantFrom("events", "users") }),
  fc.record({ measure: fc.constantFrom("sum", "avg"), property: fc.constantFrom("amount", "sku") }),
  fc.record({
    measure: fc.constantFrom("min", "max", "p50", "p90", "p95", "p99"),
    property: fc.constantFrom("amount", "plan")
  })
)

export const trendParams = (around: number): fc.Arbitrary<Params> =>
  fc
    .record({
      spanned: fc.oneof(
        spanned(around),
        fc.record({ range: rangeNear(around, 2), interval: fc.constant("hour"), week_start: weekStart })
      ),
      measured,
      optional: fc.record({ event_type: eventType }, { requiredKeys: [] })
    })
    .map(({ measured: asked, optional, spanned: { range, ...rest } }) => ({ ...range, ...rest, ...asked, ...optional }))

export const spannedParams = (around: number): fc.Arbitrary<Params> =>
  fc
    .record({ spanned: spanned(around), optional: fc.record({ event_type: eventType }, { requiredKeys: [] }) })
    .map(({ optional, spanned: { range, ...rest } }) => ({ ...range, ...rest, ...optional }))

const step = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("visit", "purchase", "sign-up", "Visit", "$identify") },
  { weight: 1, arbitrary: eventType },
  { weight: 1, arbitrary: filter }
)

/** Short ones above all: what they leave out is what shows. */
const WINDOWS = ["1s", "30m", "30m", "1h", "1h", "3h", "1d", "7d", "366d"]

/** Steps mostly apart from one another, for which there is a faster way. */
const steps = fc.oneof(
  fc.uniqueArray(fc.constantFrom("visit", "purchase", "sign-up", "Visit"), { minLength: 2, maxLength: 4 }),
  fc.array(step, { minLength: 2, maxLength: 5 })
)

export const funnelParams = (around: number): fc.Arbitrary<Params> =>
  fc
    .record({
      range: rangeNear(around, 20),
      steps,
      window: fc.constantFrom(...WINDOWS),
      order: fc.constantFrom("ordered", "strict", "any")
    })
    .map(({ range, steps: asked, ...rest }) => ({ ...range, ...rest, steps: JSON.stringify(asked) }))

export const pathsParams = (around: number): fc.Arbitrary<Params> =>
  fc
    .record({
      range: rangeNear(around, 20),
      limit: fc.constantFrom("1", "3", "1000"),
      property: fc.constantFrom(undefined, undefined, "plan")
    })
    .map(({ property, range, limit }) => ({ ...range, limit, ...(property === undefined ? {} : { property }) }))
