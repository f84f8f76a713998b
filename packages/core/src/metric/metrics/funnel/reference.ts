import type { Event } from "../../../event/Event.ts"
import { breakdownOf, type BreakdownValue, groupByValue, rowsOfEach, userValues } from "../../breakdown/index.ts"
import { matchesEvent } from "../../events.ts"
import { addDays, localClock } from "../../localClock.ts"
import type { AskContext } from "../../Metric.ts"
import { isStep } from "../../steps.ts"
import { type FunnelParams, type FunnelRow, rowsOf, windowMicros } from "./model.ts"

interface Attempt {
  readonly user: string
  readonly start: Event
  /** When each step was reached, in order; as many as were. */
  readonly times: ReadonlyArray<number>
}

/** The definition: try every start of every user, keep the best, count. */
export const funnelReference = (
  events: ReadonlyArray<Event>,
  params: FunnelParams,
  { as_of }: AskContext
): ReadonlyArray<FunnelRow> => {
  const complete = addDays(params.to, 1) <= localClock(params.tz).earliestDateFrom(as_of - windowMicros(params.window))
  const rows = (attempts: ReadonlyArray<Attempt>) => rowsOf(countsOf(attempts, params), complete)
  const attempts = attemptsIn(events, params)
  return params.breakdown === undefined ? rows(attempts) : rowsOfEach(attemptsByValue(events, params), rows)
}

/** The best attempt of each user who made any. */
export const attemptsIn = (events: ReadonlyArray<Event>, params: FunnelParams): ReadonlyArray<Attempt> =>
  [...Map.groupBy(events.toSorted(byTime), ({ user_id }) => user_id)].flatMap(([user, own]) => {
    const best = bestOf(own, params)
    return best === undefined ? [] : [{ ...best, user }]
  })

/** The same by the values of the breakdown. */
export const attemptsByValue = (events: ReadonlyArray<Event>, params: FunnelParams) => {
  const { breakdown_of } = params
  const breakdown = params.breakdown!
  const ofUser = userValues(events.filter(isCounted), breakdown)
  const valueOf = ({ start, user }: Attempt): BreakdownValue =>
    breakdown_of === "event" ? breakdownOf(start, breakdown) : ofUser(user)
  return groupByValue(attemptsIn(events, params), valueOf, ({ length }) => length, params.breakdown_value)
}

/** As an event of any type: what lies between two steps, and where users have their values from. */
const isCounted = (event: Event): boolean => matchesEvent(event, undefined)

const byTime = (a: Event, b: Event) => a.occurred_at - b.occurred_at || (a.event_id < b.event_id ? -1 : 1)

/** The attempt that gets furthest; the earliest of equal ones. `own`: one user's, in order. */
const bestOf = (own: ReadonlyArray<Event>, params: FunnelParams): Omit<Attempt, "user"> | undefined => {
  const clock = localClock(params.tz)
  const taken = params.steps.map((step) => own.flatMap((event, place) => (isStep(event, step) ? [place] : [])))
  const firsts = params.order === "any" ? taken.flat().toSorted((a, b) => a - b) : taken[0]!
  const lived: Lived = {
    own,
    taken,
    window: windowMicros(params.window),
    inWay: params.order === "strict" ? own.filter(isCounted) : []
  }
  let best: Omit<Attempt, "user"> | undefined
  for (const place of firsts) {
    const start = own[place]!
    const date = clock.date(start.occurred_at)
    if (date < params.from || date > params.to) continue
    const times = params.order === "any" ? anyOrder(start, lived) : inOrder(place, lived)
    if (best === undefined || times.length > best.times.length) best = { start, times }
  }
  return best
}

/** What a user did, in order, and for each step the places of the events that are it. */
interface Lived {
  readonly own: ReadonlyArray<Event>
  readonly taken: ReadonlyArray<ReadonlyArray<number>>
  readonly window: number
  /** What must not lie between two steps. */
  readonly inWay: ReadonlyArray<Event>
}

/** Each step takes the earliest event that is left, not before the step before. */
const inOrder = (start: number, { inWay, own, taken, window }: Lived): ReadonlyArray<number> => {
  const timeOf = (place: number) => own[place]!.occurred_at
  const used = new Set([start])
  const times = [timeOf(start)]
  for (const places of taken.slice(1)) {
    const before = times.at(-1)!
    let index = firstIndex(places, (place) => timeOf(place) >= before)
    while (index < places.length && used.has(places[index]!)) index++
    const next = places[index]
    if (next === undefined || timeOf(next) > timeOf(start) + window) break
    const between = inWay[firstIndex(inWay, ({ occurred_at }) => occurred_at > before)]
    if (between !== undefined && between.occurred_at < timeOf(next)) break
    used.add(next)
    times.push(timeOf(next))
  }
  return times
}

/** Each step is reached with its first event from the start on. */
const anyOrder = ({ occurred_at: start }: Event, { own, taken, window }: Lived): ReadonlyArray<number> =>
  taken
    .map((places) => places[firstIndex(places, (place) => own[place]!.occurred_at >= start)])
    .flatMap((place) => (place === undefined ? [] : [own[place]!.occurred_at]))
    .filter((time) => time <= start + window)
    .toSorted((a, b) => a - b)

/** Of the first thing that holds, where it holds of all behind it as well; by halves, for users with many events. */
const firstIndex = <Thing>(things: ReadonlyArray<Thing>, holds: (thing: Thing) => boolean): number => {
  let [low, high] = [0, things.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(things[middle]!)) high = middle
    else low = middle + 1
  }
  return low
}

const countsOf = (attempts: ReadonlyArray<Attempt>, { steps }: FunnelParams) =>
  steps.map((_, index) => {
    const reached = attempts.filter(({ times }) => times.length > index)
    const durations = reached.map(({ times }) => times[index]! - times[Math.max(0, index - 1)]!)
    const sum = durations.reduce((total, micros) => total + BigInt(micros), 0n)
    return { users: reached.length, micros: Number(sum), medianMicros: medianOf(durations) }
  })

const medianOf = (values: ReadonlyArray<number>): number | null => {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >>> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
