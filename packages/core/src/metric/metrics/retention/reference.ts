import type { Event } from "../../../event/Event.ts"
import { matchesEvent } from "../../events.ts"
import { firstDateOf, localClock, nextFirstDate } from "../../localClock.ts"
import type { AskContext } from "../../Metric.ts"
import { checkCells, countsAsAny, type RetentionParams, type RetentionRow, ROLLING_MICROS } from "./model.ts"

/** An event with the first date of the interval that holds it. */
interface Placed {
  readonly event: Event
  readonly interval: string
}

/** The definition: for each cohort, each cell and each of its users, look through the user's return events. */
export const retentionReference = (
  events: ReadonlyArray<Event>,
  params: RetentionParams,
  context: AskContext
): ReadonlyArray<RetentionRow> => {
  const clock = localClock(params.tz)
  const firstOf = (date: string) => firstDateOf(date, params.interval, params.week_start)
  const placed = events.map((event) => ({ event, interval: firstOf(clock.date(event.occurred_at)) }))
  const any = placed.filter(({ event }) => countsAsAny(event.event_type, params)).map(({ interval }) => interval)
  const last = params.end_date === undefined ? any.toSorted().at(-1) : firstOf(params.end_date)
  const intervals = timeline(firstOf(params.start_date), last, params)
  const entries = entriesOf(placed, params)
  const returns = new Map<string, Array<(typeof placed)[number]>>()
  for (const found of placed) {
    if (!matchesEvent(found.event, params.return_event)) continue
    const { user_id } = found.event
    returns.set(user_id, [...(returns.get(user_id) ?? []), found])
  }
  // A rolling cell of the latest anchor ends `index + 1` lengths after its cohort does; cell 0 is final with the cohort.
  const openFrom = Array.from({ length: params.windows }, (_, index) =>
    params.bucket === "calendar" || index === 0
      ? clock.earliestDateFrom(context.as_of)
      : clock.earliestDateFrom(context.as_of - (index + 1) * ROLLING_MICROS[params.interval])
  )
  return intervals.cohorts.map((cohort, at) => {
    const members = [...entries].filter(([, anchors]) => anchors.has(cohort))
    const cells = Array.from({ length: params.windows }, (_, index) => {
      const returned = ([user, anchors]: (typeof members)[number]) =>
        index === 0 ||
        (returns.get(user) ?? []).some((found) =>
          inCell(found, index, anchors.get(cohort)!, intervals.all[at + index]!, params)
        )
      const users = members.filter(returned).length
      const rate = members.length === 0 ? 0 : users / members.length
      const next = intervals.all[params.bucket === "calendar" ? at + index + 1 : at + 1]!
      return { index, users, rate, complete: next <= openFrom[index]! }
    })
    return { cohort, size: members.length, cells }
  })
}

/** Cohorts from the first to the last interval; `all` goes on for as many as cells need. */
const timeline = (first: string, last: string | undefined, { interval, windows }: RetentionParams) => {
  const all: Array<string> = []
  let cohorts = 0
  for (let date = first, more = windows + 1; more > 0; date = nextFirstDate(date, interval)) {
    if (last !== undefined && date <= last) cohorts++
    else more--
    all.push(date)
  }
  checkCells(cohorts, windows)
  return { cohorts: all.slice(0, cohorts), all }
}

/** User → cohort → the instant of the user's first matching event in it; one cohort a user unless recurring. */
const entriesOf = (placed: ReadonlyArray<Placed>, { mode, start_event }: RetentionParams) => {
  const entries = new Map<string, Map<string, number>>()
  const started = placed.filter(({ event }) => matchesEvent(event, start_event))
  for (const { event, interval } of started.toSorted((a, b) => a.event.occurred_at - b.event.occurred_at)) {
    const anchors = entries.get(event.user_id)
    if (anchors === undefined) entries.set(event.user_id, new Map([[interval, event.occurred_at]]))
    else if (mode === "recurring" && !anchors.has(interval)) anchors.set(interval, event.occurred_at)
  }
  return entries
}

const inCell = (found: Placed, index: number, anchor: number, interval: string, params: RetentionParams): boolean => {
  if (params.bucket === "calendar") {
    return params.measure === "on" ? found.interval === interval : found.interval >= interval
  }
  const from = anchor + index * ROLLING_MICROS[params.interval]
  const until = params.measure === "on" ? from + ROLLING_MICROS[params.interval] : Infinity
  return found.event.occurred_at >= from && found.event.occurred_at < until
}
