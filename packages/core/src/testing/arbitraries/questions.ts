import fc from "fast-check"
import type { Event } from "../../event/Event.ts"
import type { MetricName } from "../../metric/registry.ts"
import { filter } from "./filters.ts"
import { eventType, history } from "./history.ts"
import { DAY, instantNear, type Moment, moment } from "./moments.ts"

export interface Question {
  readonly metric: MetricName
  readonly params: Readonly<Record<string, string>>
  readonly as_of: number
}

const dateOf = (micros: number) => new Date(Math.max(0, micros) / 1000).toISOString().slice(0, 10)

const dateNear = (around: number, days: number) =>
  fc.integer({ min: -days, max: days }).map((offset) => dateOf(around + offset * DAY))

/** Both dates in order, at most `days` apart. */
const rangeNear = (around: number, days: number) =>
  fc
    .tuple(fc.integer({ min: -days, max: days }), fc.nat(days))
    .map(([offset, length]) => ({ from: dateOf(around + offset * DAY), to: dateOf(around + (offset + length) * DAY) }))

const weekStart = fc.constantFrom("monday", "sunday")

const activeUsersParams = (around: number) =>
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

const retentionParams = (around: number) =>
  fc
    .record(
      {
        start_date: dateNear(around, 60),
        length: fc.nat(60),
        windows: fc.integer({ min: 1, max: 12 }).map(String),
        interval: fc.constantFrom("day", "week", "month"),
        week_start: weekStart,
        start_event: eventType,
        return_event: eventType,
        mode: fc.constantFrom("first-ever", "recurring"),
        measure: fc.constantFrom("on", "on-or-after"),
        bucket: fc.constantFrom("calendar", "rolling")
      },
      { requiredKeys: ["start_date", "windows", "interval", "mode", "measure", "bucket"] }
    )
    .map(({ length, ...params }): Record<string, string> =>
      length === undefined
        ? params
        : { ...params, end_date: dateOf(Date.parse(params.start_date) * 1000 + length * DAY) }
    )

const topEventsParams = (around: number) =>
  fc
    .record({ range: rangeNear(around, 20), limit: fc.constantFrom("1", "3", "1000") })
    .map(({ range, limit }) => ({ ...range, limit }))

type Params = Readonly<Record<string, string>>

/** What each metric may be asked, besides the zone and `where`. */
const PARAMS: Readonly<Record<MetricName, (around: number) => fc.Arbitrary<Params>>> = {
  dau: (around) => rangeNear(around, 20),
  "active-users": activeUsersParams,
  "top-events": topEventsParams,
  retention: retentionParams
}

/** Valid parameters of a metric, in a zone that is up to something, or not; every other question has a filter. */
export const question = (metric: MetricName, { zone, micros }: Moment): fc.Arbitrary<Question> =>
  fc
    .record({
      params: PARAMS[metric](micros),
      tz: fc.constantFrom(zone, zone, zone, "UTC"),
      where: fc.option(filter, { nil: undefined, freq: 2 }),
      as_of: fc.oneof(instantNear(micros), fc.constant(micros + 1_000 * DAY))
    })
    .map(({ as_of, params, tz, where }) => ({
      metric,
      params: { ...params, tz, ...(where === undefined ? {} : { where: JSON.stringify(where) }) },
      as_of
    }))

export interface Scenario {
  readonly events: ReadonlyArray<Event>
  readonly questions: ReadonlyArray<Question>
}

/** A project's history with questions about it. */
export const scenario = (metric: MetricName): fc.Arbitrary<Scenario> =>
  moment.chain((around) =>
    fc.record({
      events: history(around.micros),
      questions: fc.array(question(metric, around), { minLength: 1, maxLength: 4 })
    })
  )
