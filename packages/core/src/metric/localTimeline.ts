import type { Spanned } from "./calendar/timeline.ts"
import { firstDateOf, localClock, nextFirstDate } from "./localClock.ts"

/** One interval as the references see it. */
export interface LocalSlot {
  readonly date: string
  readonly complete: boolean
}

type Calendar = Pick<Spanned, "interval" | "tz" | "week_start">

/** UTC microseconds → the label of the interval that holds the instant. */
export const labelIn = ({ interval, tz, week_start }: Calendar): ((micros: number) => string) => {
  const clock = localClock(tz)
  return interval === "hour" ? clock.hour : (micros) => firstDateOf(clock.date(micros), interval, week_start)
}

/** Every interval that the range touches, in time order. */
export const localSlots = (range: Spanned, as_of: number): ReadonlyArray<LocalSlot> => {
  const { from, interval, to, tz, week_start } = range
  if (interval === "hour") return hourSlots(range, as_of)
  const openFrom = localClock(tz).earliestDateFrom(as_of)
  const slots: Array<LocalSlot> = []
  for (let date = firstDateOf(from, interval, week_start); date <= to; date = nextFirstDate(date, interval)) {
    slots.push({ date, complete: nextFirstDate(date, interval) <= openFrom })
  }
  return slots
}

const QUARTER_MICROS = 900_000_000
const DAY_MICROS = 86_400_000_000

/** Every running hour lasts past a quarter hour of UTC, so walking by quarters meets each of them. */
const hourSlots = ({ from, to, tz }: Spanned, as_of: number): ReadonlyArray<LocalSlot> => {
  const clock = localClock(tz)
  const now = clock.hour(as_of)
  const slots = new Map<string, LocalSlot>()
  const end = Date.parse(`${to}T00:00:00Z`) * 1000 + 3 * DAY_MICROS
  for (let at = Date.parse(`${from}T00:00:00Z`) * 1000 - 2 * DAY_MICROS; at < end; at += QUARTER_MICROS) {
    const date = clock.hour(at)
    if (date.slice(0, 10) < from || date.slice(0, 10) > to || slots.has(date)) continue
    slots.set(date, { date, complete: at <= as_of && date !== now })
  }
  return [...slots.values()]
}
