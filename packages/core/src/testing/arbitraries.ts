import fc from "fast-check"
import type { Event } from "../event/Event.ts"
import type { MetricName } from "../metric/registry.ts"
import { instantOf } from "./metricExamples/example.ts"
import { eventOf, idOf } from "./events.ts"

const MINUTE = 60_000_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Zones with an instant at which their clocks do something unusual. */
const MOMENTS: ReadonlyArray<readonly [zone: string, instant: string]> = [
  ["UTC", "2026-01-01T00:00:00Z"],
  ["Europe/Paris", "2026-03-29T01:00:00Z"],
  ["Europe/Paris", "2026-10-25T01:00:00Z"],
  ["America/New_York", "2026-11-01T06:00:00Z"],
  // Back over midnight, by one hour and by two.
  ["America/St_Johns", "2006-10-29T02:31:00Z"],
  ["America/St_Johns", "1988-10-30T01:31:00Z"],
  // Half an hour of summer time.
  ["Australia/Lord_Howe", "2026-04-04T15:00:00Z"],
  ["Australia/Lord_Howe", "2026-10-03T15:30:00Z"],
  // No December 30.
  ["Pacific/Apia", "2011-12-30T10:00:00Z"],
  // No midnight.
  ["America/Sao_Paulo", "2018-11-04T03:00:00Z"],
  ["Africa/Cairo", "2026-04-23T22:00:00Z"],
  // Midnight twice.
  ["America/Havana", "2026-11-01T05:00:00Z"],
  // Offsets with seconds, and of three quarters of an hour.
  ["Africa/Monrovia", "1972-01-07T00:44:30Z"],
  ["Asia/Kathmandu", "1985-12-31T18:30:00Z"],
  ["Pacific/Chatham", "2026-04-04T14:00:00Z"],
  ["Pacific/Kiritimati", "1994-12-31T10:00:00Z"]
]

export interface Moment {
  readonly zone: string
  readonly micros: number
}

export const moment: fc.Arbitrary<Moment> = fc
  .constantFrom(...MOMENTS)
  .map(([zone, instant]) => ({ zone, micros: instantOf(instant) }))

/** Around a moment: on it, a microsecond beside it, within hours by the minute, or whole days away. */
export const instantNear = (around: number): fc.Arbitrary<number> =>
  fc
    .tuple(
      fc.oneof(
        { weight: 2, arbitrary: fc.constant(0) },
        { weight: 3, arbitrary: fc.integer({ min: -3, max: 3 }) },
        { weight: 2, arbitrary: fc.integer({ min: -75, max: 75 }) }
      ),
      fc.oneof(fc.constant(0), fc.integer({ min: -180, max: 180 }), fc.constantFrom(-1_440, -720, 720, 1_440)),
      fc.constantFrom(0, 0, 0, -1, 1, 30_000_000)
    )
    .map(([days, minutes, rest]) => Math.max(0, around + days * DAY + minutes * MINUTE + rest))

/** Few, so that they meet; odd, so that nothing trims, folds or parses them. */
const USERS = ["u1", "u2", "u3", "U1", " u1", "NULL", "'; DROP TABLE events; --", "\u{1F600}", "2026-01-01"]
const TYPES = ["visit", "purchase", "$identify", "Visit", "\u{1F600}", "\uFF5E", "é", "e\u0301", '"', "\\", "\u2028"]

/** Two of three events share a few users and types: metrics are about what meets. */
export const userId = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom("u1", "u2", "u3") },
  { weight: 1, arbitrary: fc.constantFrom(...USERS) }
)
export const eventType = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom("visit", "purchase") },
  { weight: 1, arbitrary: fc.constantFrom(...TYPES) }
)

const PROPERTIES = ["{}", '{"a":1}', '{"a":{"b":[1,2.5,null]},"":"\\u2028\\n\\""}']

/** One project's accepted events near a moment, in order of arrival; ids repeat with other payloads. */
export const history = (around: number, maxLength = 40): fc.Arbitrary<ReadonlyArray<Event>> =>
  fc.array(
    fc
      .record({
        id: fc.nat(60),
        at: instantNear(around),
        user: userId,
        type: eventType,
        text: fc.constantFrom(...PROPERTIES)
      })
      .map(({ id, at, user, type, text }) =>
        eventOf(id, { event_id: idOf(id), occurred_at: at, user_id: user, event_type: type, properties: text })
      ),
    // Without a size, fast-check rarely makes more than ten.
    { maxLength, size: "max" }
  )

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

/** Valid parameters of every metric, in a zone that is up to something, or not. */
export const question = ({ zone, micros }: Moment): fc.Arbitrary<Question> =>
  fc
    .record({
      asked: fc.oneof(
        fc.record({ metric: fc.constant("dau" as const), params: rangeNear(micros, 20) }),
        fc.record({ metric: fc.constant("active-users" as const), params: activeUsersParams(micros) }),
        fc.record({
          metric: fc.constant("top-events" as const),
          params: fc
            .record({ range: rangeNear(micros, 20), limit: fc.constantFrom("1", "3", "1000") })
            .map(({ range, limit }) => ({ ...range, limit }))
        }),
        {
          weight: 3,
          arbitrary: fc.record({ metric: fc.constant("retention" as const), params: retentionParams(micros) })
        }
      ),
      tz: fc.constantFrom(zone, zone, zone, "UTC"),
      as_of: fc.oneof(instantNear(micros), fc.constant(micros + 1_000 * DAY))
    })
    .map(({ asked, tz, as_of }) => ({ metric: asked.metric, params: { ...asked.params, tz }, as_of }))

export interface Scenario {
  readonly events: ReadonlyArray<Event>
  readonly questions: ReadonlyArray<Question>
}

/** A project's history with questions about it. */
export const scenario: fc.Arbitrary<Scenario> = moment.chain((around) =>
  fc.record({ events: history(around.micros), questions: fc.array(question(around), { minLength: 1, maxLength: 4 }) })
)
