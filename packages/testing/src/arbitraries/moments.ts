import fc from "fast-check"
import { instantOf } from "../metricExamples/example.ts"

const MINUTE = 60_000_000
const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

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

/** An instant around a moment: on it, a microsecond beside it, within hours by the minute, or whole days away. */
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

/**
 * Instants of one long walk in steps of half an hour, mostly: through whole sessions, to the microsecond at which they
 * end.
 */
export const walkFrom = (around: number): fc.Arbitrary<ReadonlyArray<number>> =>
  fc
    .array(
      fc.oneof(
        { weight: 96, arbitrary: fc.constant(30 * MINUTE) },
        { weight: 4, arbitrary: fc.constantFrom(0, 15 * MINUTE, 30 * MINUTE - 1, 30 * MINUTE + 1) }
      ),
      { minLength: 50, maxLength: 110, size: "max" }
    )
    .map((steps) => {
      let at = around
      return steps.map((step) => (at += step))
    })

/** An instant beside the others, at the ends of pauses and sessions, and often at the same instant. */
export const instantWithin = (around: number): fc.Arbitrary<number> =>
  fc
    .tuple(
      fc.oneof({ weight: 3, arbitrary: fc.nat(8) }, { weight: 1, arbitrary: fc.nat(60) }),
      fc.constantFrom(0, 0, 0, 0, 1, -1, 1_000_000)
    )
    .map(([halfHours, rest]) => Math.max(0, around + halfHours * 30 * MINUTE + rest))
