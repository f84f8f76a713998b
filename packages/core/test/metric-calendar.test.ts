import fc from "fast-check"
import { assert, describe, it } from "vitest"
import {
  dateOfDay,
  dayOfDate,
  endOfDay,
  firstDayOf,
  hoursOf,
  instantsOf,
  intervalOfDay,
  isZone,
  labelOfHour,
  piecesOf,
  startOfDay
} from "../src/metric/calendar.ts"
import { localClock } from "../src/metric/localClock.ts"

const ZONES = [
  "UTC",
  "Europe/Paris",
  "America/New_York",
  "America/St_Johns",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "America/Sao_Paulo",
  "Africa/Cairo",
  "Africa/Monrovia",
  "Africa/Casablanca",
  "Asia/Gaza",
  "America/Recife",
  "Asia/Kathmandu",
  "Pacific/Kiritimati",
  "America/Havana",
  "Antarctica/Casey"
]

const LAST_INSTANT = Date.UTC(2101, 0, 1) * 1000 - 1
const zone = fc.constantFrom(...ZONES)
/** Events' whole span, and the beginnings and ends of its days. */
const instant = fc.oneof(
  fc.integer({ min: 0, max: LAST_INSTANT }),
  fc
    .tuple(fc.integer({ min: 0, max: 47_000 }), fc.integer({ min: 0, max: 96 }), fc.constantFrom(-1, 0, 60_000_000))
    .map(([day, quarters, rest]) => Math.max(0, day * 86_400_000_000 + quarters * 900_000_000 + rest))
)

const localDay = (name: string, micros: number) => {
  const piece = piecesOf(name).find(({ untilMicros }) => micros < untilMicros)!
  return Math.floor((micros + piece.offsetSeconds * 1e6) / 86_400_000_000)
}

describe("calendar", () => {
  it("pieces give the date that Intl gives, for every instant from 1970 to 2100", () => {
    fc.assert(
      fc.property(zone, instant, (name, micros) => {
        assert.strictEqual(dateOfDay(localDay(name, micros)), localClock(name).date(micros))
      }),
      { numRuns: 5_000 }
    )
  })

  it("pieces follow one another without gaps, and neighbours differ", () => {
    for (const name of ZONES) {
      const pieces = piecesOf(name)
      for (const [index, piece] of pieces.entries()) {
        const next = pieces[index + 1]
        if (next === undefined) continue
        assert.strictEqual(piece.untilMicros, next.fromMicros)
        assert.notStrictEqual(piece.offsetSeconds, next.offsetSeconds)
      }
    }
  })

  it("an instant is in a day's ranges exactly when its local date is that day", () => {
    fc.assert(
      fc.property(zone, instant, fc.integer({ min: -1, max: 1 }), (name, micros, away) => {
        const day = localDay(name, micros) + away
        const found = instantsOf(name, day, day + 1).some(
          (range) => range.fromMicros <= micros && micros < range.untilMicros
        )
        assert.strictEqual(found, away === 0)
      }),
      { numRuns: 3_000 }
    )
  })

  it("no instant from a day's end on has its date or an earlier one; none before its start has it or a later one", () => {
    fc.assert(
      fc.property(zone, instant, fc.integer({ min: 0, max: 200 }), (name, micros, minutes) => {
        const day = localDay(name, micros)
        assert.isAbove(localDay(name, endOfDay(name, day) + minutes * 60_000_000), day)
        assert.isBelow(localDay(name, startOfDay(name, day) - 1 - minutes * 60_000_000), day)
      }),
      { numRuns: 3_000 }
    )
  })

  it("days of change have 23, 25, 23.5, 24.5 and no hours", () => {
    const hours = (name: string, date: string) =>
      instantsOf(name, dayOfDate(date), dayOfDate(date) + 1).reduce(
        (sum, { fromMicros, untilMicros }) => sum + (untilMicros - fromMicros) / 3.6e9,
        0
      )
    assert.strictEqual(hours("Europe/Paris", "2026-03-29"), 23)
    assert.strictEqual(hours("Europe/Paris", "2026-10-25"), 25)
    assert.strictEqual(hours("Australia/Lord_Howe", "2026-10-04"), 23.5)
    assert.strictEqual(hours("Australia/Lord_Howe", "2026-04-05"), 24.5)
    assert.strictEqual(hours("America/Sao_Paulo", "2018-11-04"), 23)
    assert.strictEqual(hours("Pacific/Apia", "2011-12-30"), 0)
  })

  it("where clocks run back over midnight, both dates have two ranges (America/St_Johns 2006-10-29)", () => {
    const ranges = (date: string) => instantsOf("America/St_Johns", dayOfDate(date), dayOfDate(date) + 1)
    assert.lengthOf(ranges("2006-10-28"), 2)
    assert.lengthOf(ranges("2006-10-29"), 2)
  })

  it("hours are labelled with their offset: a gap has none, a repeated hour two", () => {
    const labels = (name: string, date: string) => hoursOf(name, dayOfDate(date), dayOfDate(date) + 1).map(labelOfHour)
    assert.deepStrictEqual(labels("Europe/Paris", "2026-03-29").slice(1, 3), [
      "2026-03-29T01:00:00+01:00",
      "2026-03-29T03:00:00+02:00"
    ])
    assert.deepStrictEqual(labels("Australia/Lord_Howe", "2026-04-05").slice(1, 4), [
      "2026-04-05T01:00:00+11:00",
      "2026-04-05T01:00:00+10:30",
      "2026-04-05T02:00:00+10:30"
    ])
    assert.strictEqual(labels("America/Sao_Paulo", "2018-11-04")[0], "2018-11-04T01:00:00-02:00")
    assert.strictEqual(labels("Africa/Monrovia", "1971-06-01")[0], "1971-06-01T00:00:00-00:45")
  })

  it("intervals number their days without gaps, on either week start", () => {
    const interval = fc.constantFrom("day", "week", "month")
    const weekStart = fc.constantFrom("monday", "sunday")
    fc.assert(
      fc.property(fc.integer({ min: -400, max: 50_000 }), interval, weekStart, (day, unit, start) => {
        const index = intervalOfDay(day, unit, start)
        assert.isAtMost(firstDayOf(index, unit, start), day)
        assert.isAbove(firstDayOf(index + 1, unit, start), day)
        const weekday = new Date(firstDayOf(index, "week", start) * 86_400_000).getUTCDay()
        if (unit === "week") assert.strictEqual(weekday, start === "sunday" ? 0 : 1)
      })
    )
  })

  it("zone names are IANA names, not offsets or rubbish", () => {
    for (const name of ["UTC", "Etc/GMT+5", "US/Eastern", "Asia/Calcutta", "Europe/Paris"])
      assert.isTrue(isZone(name), name)
    for (const name of ["", "+05:30", "Z", "Mars/Phobos", "Europe/Paris ", "UTC+1", "a".repeat(100)]) {
      assert.isFalse(isZone(name), name)
    }
  })
})
