import type { AnyClient } from "../core/types.ts"

interface Shift extends PerformanceEntry {
  readonly value: number
  readonly hadRecentInput: boolean
}

interface Interaction extends PerformanceEntry {
  readonly interactionId: number
}

/** A layout shift's session ends after 1 s without one, or after 5 s. */
const GAP_MILLIS = 1_000
const WINDOW_MILLIS = 5_000

/** The largest session of layout shifts so far. */
const makeShifts = () => {
  const window = { value: 0, first: 0, last: -Infinity }
  let worst = 0
  return (entry: Shift): number => {
    if (entry.hadRecentInput) return worst
    if (entry.startTime - window.last > GAP_MILLIS || entry.startTime - window.first > WINDOW_MILLIS) {
      Object.assign(window, { value: 0, first: entry.startTime })
    }
    window.last = entry.startTime
    window.value += entry.value
    return (worst = Math.max(worst, window.value))
  }
}

/** One `$web_vitals` event when the page is first hidden: `ttfb`, `fcp`, `lcp`, `inp` in milliseconds, `cls`. */
export const webVitals = (client: AnyClient): (() => void) => {
  const values: Record<string, number> = {}
  const stop = new AbortController()
  const observers: Array<PerformanceObserver> = []
  const observe = (type: string, see: (entry: PerformanceEntry) => void) => {
    if (!PerformanceObserver.supportedEntryTypes.includes(type)) return
    const take = (entries: ReadonlyArray<PerformanceEntry>) => entries.forEach((entry) => see(entry))
    const observer = new PerformanceObserver((list) => take(list.getEntries()))
    observer.observe({ type, buffered: true })
    observers.push(observer)
    pending.push(() => take(observer.takeRecords()))
  }
  const pending: Array<() => void> = []
  const shifts = makeShifts()
  observe("navigation", (entry) => (values["ttfb"] = (entry as PerformanceNavigationTiming).responseStart))
  observe("paint", (entry) => {
    if (entry.name === "first-contentful-paint") values["fcp"] = entry.startTime
  })
  observe("largest-contentful-paint", (entry) => (values["lcp"] = entry.startTime))
  observe("layout-shift", (entry) => (values["cls"] = shifts(entry as Shift)))
  // The longest interaction: what the metric is on pages with fewer than 50 of them.
  observe("event", (entry) => {
    if ((entry as Interaction).interactionId) values["inp"] = Math.max(values["inp"] ?? 0, entry.duration)
  })
  const end = () => {
    for (const observer of observers) observer.disconnect()
    stop.abort()
  }
  const report = () => {
    for (const take of pending) take()
    end()
    if (Object.keys(values).length > 0) client.track("$web_vitals", values)
  }
  const hidden = () => document.visibilityState === "hidden" && report()
  addEventListener("visibilitychange", hidden, { capture: true, signal: stop.signal })
  addEventListener("pagehide", report, { capture: true, signal: stop.signal })
  return end
}
