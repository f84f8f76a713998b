/**
 * What a zone's wall clock shows, asked of Intl for each instant: the references' own road to local time. It shares
 * nothing with the offset pieces that SQL uses, so that the two can prove each other.
 */
interface LocalClock {
  /** UTC microseconds → `YYYY-MM-DD`. */
  readonly date: (micros: number) => string
  /** UTC microseconds → the running hour, like `2026-03-29T03:00:00+02:00`. */
  readonly hour: (micros: number) => string
  /** The earliest date the clock will ever show again from this instant on: clocks may run back over midnight. */
  readonly earliestDateFrom: (micros: number) => string
}

const MINUTE_MICROS = 60_000_000
/** A clock that runs back does so by three hours at most (Antarctica/Casey); only then can an earlier date return. */
const LOOKAHEAD_MINUTES = 4 * 60
const CACHED_CLOCKS_MAX = 100

const clocks = new Map<string, LocalClock>()

export const localClock = (zone: string): LocalClock => {
  const known = clocks.get(zone)
  if (known !== undefined) return known
  if (clocks.size >= CACHED_CLOCKS_MAX) clocks.clear()
  const clock = makeClock(zone)
  clocks.set(zone, clock)
  return clock
}

const makeClock = (zone: string): LocalClock => {
  // Canadian English writes dates as ISO 8601 does.
  const dates = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" })
  const hours = new Intl.DateTimeFormat("en-CA", { timeZone: zone, hourCycle: "h23", hour: "2-digit" })
  const offsets = new Intl.DateTimeFormat("en-CA", { timeZone: zone, timeZoneName: "longOffset", year: "numeric" })
  const date = (micros: number) => dates.format(Math.floor(micros / 1000))
  return {
    date,
    hour: (micros) => {
      const millis = Math.floor(micros / 1000)
      return `${date(micros)}T${hours.format(millis)}:00:00${offsetIn(offsets.format(millis))}`
    },
    earliestDateFrom: (micros) => {
      let earliest = date(micros)
      for (let minute = 1; minute <= LOOKAHEAD_MINUTES; minute++) {
        const later = date(micros + minute * MINUTE_MICROS)
        if (later < earliest) earliest = later
      }
      return earliest
    }
  }
}

/** `2026 GMT-03:30` → `-03:30`; plain `GMT` is `+00:00`. */
const offsetIn = (text: string): string => {
  const [offset = "", seconds] = text.slice(text.indexOf("GMT") + 3).split(/(?<=\d\d:\d\d):/u)
  if (offset === "") return "+00:00"
  return seconds !== undefined && Number(seconds) >= 30 ? nextMinute(offset) : offset
}

/** `-00:44` → `-00:45`: offsets with seconds are shown rounded. */
const nextMinute = (offset: string) => offset.slice(0, 4) + String(Number(offset.slice(4)) + 1).padStart(2, "0")

const DAY_MILLIS = 86_400_000

/** Calendar arithmetic on the text itself. */
export const addDays = (date: string, days: number): string =>
  new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MILLIS).toISOString().slice(0, 10)

/** First date of the day, week or month that holds `date`. */
export const firstDateOf = (
  date: string,
  interval: "day" | "week" | "month",
  weekStart: "monday" | "sunday"
): string => {
  if (interval === "month") return `${date.slice(0, 8)}01`
  if (interval === "day") return date
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay()
  return addDays(date, weekStart === "sunday" ? -weekday : -((weekday + 6) % 7))
}

/** First date of the interval after the one that starts on `first`. */
export const nextFirstDate = (first: string, interval: "day" | "week" | "month"): string =>
  interval === "month" ? `${addDays(first, 31).slice(0, 8)}01` : addDays(first, interval === "week" ? 7 : 1)
