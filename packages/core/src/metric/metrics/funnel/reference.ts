import type { Event } from "../../../event/Event.ts"
import { breakdownOf, type BreakdownValue, heapsOf, rowsOfEach, userValues } from "../../breakdown/index.ts"
import { IDENTIFY } from "../../events.ts"
import { addDays, localClock } from "../../localClock.ts"
import type { AskContext } from "../../Metric.ts"
import { isStep } from "../../steps.ts"
import { type FunnelParams, type FunnelRow, rowsOf, seesIdentify, windowMicros } from "./model.ts"

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
  [...Map.groupBy(seenIn(events, params).toSorted(byTime), ({ user_id }) => user_id)].flatMap(([user, own]) => {
    const best = bestOf(own, params)
    return best === undefined ? [] : [{ ...best, user }]
  })

/** The same by the values of the breakdown. */
export const attemptsByValue = (events: ReadonlyArray<Event>, params: FunnelParams) => {
  const { breakdown_of } = params
  const breakdown = params.breakdown!
  const ofUser = userValues(seenIn(events, params), breakdown)
  const valueOf = ({ start, user }: Attempt): BreakdownValue =>
    breakdown_of === "event" ? breakdownOf(start, breakdown) : ofUser(user)
  return heapsOf(attemptsIn(events, params), valueOf, ({ length }) => length)
}

const seenIn = (events: ReadonlyArray<Event>, params: FunnelParams) =>
  events.filter(({ event_type }) => event_type !== IDENTIFY || seesIdentify(params))

const byTime = (a: Event, b: Event) => a.occurred_at - b.occurred_at || (a.event_id < b.event_id ? -1 : 1)

/** The attempt that gets furthest; the earliest of equal ones. */
const bestOf = (own: ReadonlyArray<Event>, params: FunnelParams): Omit<Attempt, "user"> | undefined => {
  const clock = localClock(params.tz)
  const firsts = params.order === "any" ? params.steps : params.steps.slice(0, 1)
  let best: Omit<Attempt, "user"> | undefined
  for (const start of own) {
    const date = clock.date(start.occurred_at)
    if (date < params.from || date > params.to || !firsts.some((step) => isStep(start, step))) continue
    const times = params.order === "any" ? anyOrder(start, own, params) : inOrder(start, own, params)
    if (best === undefined || times.length > best.times.length) best = { start, times }
  }
  return best
}

/** Each step takes the earliest event that is left, not before the step before. */
const inOrder = (start: Event, own: ReadonlyArray<Event>, { order, steps, window }: FunnelParams) => {
  const used = new Set([start])
  const times = [start.occurred_at]
  for (const step of steps.slice(1)) {
    const before = times.at(-1)!
    const next = own.find((event) => event.occurred_at >= before && !used.has(event) && isStep(event, step))
    if (next === undefined || next.occurred_at > start.occurred_at + windowMicros(window)) break
    const between = own.some(({ occurred_at }) => occurred_at > before && occurred_at < next.occurred_at)
    if (order === "strict" && between) break
    used.add(next)
    times.push(next.occurred_at)
  }
  return times
}

/** Each step is reached with its first event from the start on. */
const anyOrder = (start: Event, own: ReadonlyArray<Event>, { steps, window }: FunnelParams) => {
  const end = start.occurred_at + windowMicros(window)
  const within = own.filter(({ occurred_at }) => occurred_at >= start.occurred_at && occurred_at <= end)
  return steps
    .map((step) => within.find((event) => isStep(event, step))?.occurred_at)
    .filter((time) => time !== undefined)
    .toSorted((a, b) => a - b)
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
