/** Calendar dates as whole days since 1970-01-01, and the weeks and months made of them. */
export type WeekStart = "monday" | "sunday"
export type DateInterval = "day" | "week" | "month"
export type Interval = "hour" | DateInterval

export const DAY_MICROS = 86_400_000_000
const DAY_MILLIS = 86_400_000

/** `YYYY-MM-DD` → day number; the text must be a real date. */
export const dayOfDate = (date: string): number => Date.parse(`${date}T00:00:00Z`) / DAY_MILLIS

export const dateOfDay = (day: number): string => new Date(day * DAY_MILLIS).toISOString().slice(0, 10)

/** 1970-01-01 was a Thursday: days to add so that week 0 starts on the wanted weekday. */
export const weekShift = (weekStart: WeekStart): number => (weekStart === "monday" ? 3 : 4)

/**
 * Numbers intervals so that neighbours differ by one: days, weeks and months since 1970 (months as `12 × year + month −
 * 1`).
 */
export const intervalOfDay = (day: number, interval: DateInterval, weekStart: WeekStart): number => {
  if (interval === "day") return day
  if (interval === "week") return Math.floor((day + weekShift(weekStart)) / 7)
  const date = new Date(day * DAY_MILLIS)
  return 12 * date.getUTCFullYear() + date.getUTCMonth()
}

export const firstDayOf = (index: number, interval: DateInterval, weekStart: WeekStart): number => {
  if (interval === "day") return index
  if (interval === "week") return index * 7 - weekShift(weekStart)
  return Date.UTC(Math.floor(index / 12), ((index % 12) + 12) % 12, 1) / DAY_MILLIS
}
