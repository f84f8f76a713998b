import type { Event } from "../../../event/Event.ts"
import { breakdownOf, type BreakdownValue, groupByValue, rowsOfEach, userValues } from "../../breakdown/index.ts"
import { IDENTIFY, matchesEvent } from "../../events.ts"
import { firstDateOf, localClock, nextFirstDate } from "../../localClock.ts"
import type { AskContext } from "../../Metric.ts"
import {
  checkCells,
  checkDays,
  countsAsAny,
  type RetentionCohort,
  type RetentionParams,
  type RetentionRow,
  ROLLING_MICROS
} from "./model.ts"

/** An event with the first date of the interval that holds it. */
interface Placed {
  readonly event: Event
  readonly interval: string
}

/** A user in a cohort, with the event that leads there. */
interface Entry {
  readonly user: string
  readonly cohort: string
  readonly start: Event
}

/** The definition: for each cohort, each cell and each of its users, look through the user's return events. */
export const retentionReference = (
  events: ReadonlyArray<Event>,
  params: RetentionParams,
  context: AskContext
): ReadonlyArray<RetentionRow> => {
  const history = historyOf(events, params)
  const rows = (entries: ReadonlyArray<Entry>) => rowsOf(entries, history, params, context)
  if (params.breakdown === undefined) return rows(history.entries)
  return rowsOfEach(entriesByValue(events, history, params), rows)
}

/** Entries by the values of the breakdown. */
export const entriesByValue = (events: ReadonlyArray<Event>, { entries }: History, params: RetentionParams) => {
  const breakdown = params.breakdown!
  const ofUser = userValues(
    events.filter(({ event_type }) => event_type !== IDENTIFY),
    breakdown
  )
  const valueOf = ({ start, user }: Entry): BreakdownValue =>
    params.breakdown_of === "event" ? breakdownOf(start, breakdown) : ofUser(user)
  return groupByValue(entries, valueOf, (group) => new Set(group.map(({ user }) => user)).size, params.breakdown_value)
}

const rowsOf = (
  entries: ReadonlyArray<Entry>,
  { isBack, intervals }: History,
  params: RetentionParams,
  { as_of }: AskContext
): ReadonlyArray<RetentionCohort> => {
  const clock = localClock(params.tz)
  // A rolling cell of the latest anchor ends `index + 1` lengths after its cohort does; cell 0 is final with the cohort.
  const openFrom = Array.from({ length: params.windows }, (_, index) =>
    params.bucket === "calendar" || index === 0
      ? clock.earliestDateFrom(as_of)
      : clock.earliestDateFrom(as_of - (index + 1) * ROLLING_MICROS[params.interval])
  )
  return intervals.cohorts.map((cohort, at) => {
    const members = entries.filter((entry) => entry.cohort === cohort)
    const cells = Array.from({ length: params.windows }, (_, index) => {
      const users = members.filter((entry) => isBack(entry, index)).length
      const rate = members.length === 0 ? 0 : users / members.length
      const next = intervals.all[params.bucket === "calendar" ? at + index + 1 : at + 1]!
      return { index, users, rate, complete: next <= openFrom[index]! }
    })
    return { cohort, size: members.length, cells }
  })
}

/** What the rows are counted from. */
interface History {
  /** Of the asked cohorts. */
  readonly entries: ReadonlyArray<Entry>
  readonly intervals: ReturnType<typeof timeline>
  /** The first date of the interval that holds a date. */
  readonly firstOf: (date: string) => string
  /** Whether a user of a cohort counts in one of its cells. */
  readonly isBack: (entry: Entry, index: number) => boolean
}

export const historyOf = (events: ReadonlyArray<Event>, params: RetentionParams): History => {
  const clock = localClock(params.tz)
  const firstOf = (date: string) => firstDateOf(date, params.interval, params.week_start)
  const placed = events.map((event) => ({ event, interval: firstOf(clock.date(event.occurred_at)) }))
  const any = placed.filter(({ event }) => countsAsAny(event.event_type, params)).map(({ interval }) => interval)
  const last = params.end_date === undefined ? any.toSorted().at(-1) : firstOf(params.end_date)
  const intervals = timeline(firstOf(params.start_date), last, params)
  const returns = Map.groupBy(
    placed.filter(({ event }) => matchesEvent(event, params.return_event)),
    ({ event }) => event.user_id
  )
  const isBack = ({ cohort, start, user }: Entry, index: number) => {
    if (index === 0) return true
    const rolling = params.bucket === "rolling"
    const target = rolling ? index : intervals.all[intervals.all.indexOf(cohort) + index]!
    const groups = Map.groupBy(returns.get(user) ?? [], ({ event, interval }) =>
      rolling ? Math.floor((event.occurred_at - start.occurred_at) / ROLLING_MICROS[params.interval]) : interval
    )
    return [...groups].some(
      ([at, { length }]) =>
        length >= params.minimum_occurrences && (params.measure === "on" ? at === target : at >= target)
    )
  }
  const entries = entriesOf(placed, params).filter(({ cohort }) => intervals.cohorts.includes(cohort))
  return { entries, firstOf, intervals, isBack }
}

/** Cohorts from the first to the last interval; `all` goes on for as many as cells need. */
const timeline = (first: string, last: string | undefined, params: RetentionParams) => {
  const { interval, windows } = params
  if (last !== undefined) checkDays(last, params)
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

/** Once a user unless recurring; of several events at one instant the first by id. */
const entriesOf = (placed: ReadonlyArray<Placed>, { mode, start_event }: RetentionParams): ReadonlyArray<Entry> => {
  const started = placed
    .filter(({ event }) => matchesEvent(event, start_event))
    .toSorted((a, b) => a.event.occurred_at - b.event.occurred_at || (a.event.event_id < b.event.event_id ? -1 : 1))
  const entries = new Map<string, Entry>()
  for (const { event, interval } of started) {
    const key = mode === "recurring" ? JSON.stringify([event.user_id, interval]) : event.user_id
    if (!entries.has(key)) entries.set(key, { user: event.user_id, cohort: interval, start: event })
  }
  return [...entries.values()]
}
