import type { Event } from "../../../event/Event.ts"
import { eachValue } from "../../breakdown/index.ts"
import { IDENTIFY } from "../../events.ts"
import { valueOf } from "../../filter/index.ts"
import { localClock } from "../../localClock.ts"
import { compareCodePoints } from "../../rows.ts"
import { IDLE_MICROS, type PathsParams, type PathsRow, SESSION_MICROS } from "./model.ts"

/** The definition: walk each user's events, and look whether the session goes on. */
export const pathsReference = (events: ReadonlyArray<Event>, params: PathsParams): ReadonlyArray<PathsRow> =>
  eachValue(events, params, eventsInRange(params), (of) =>
    transitionsIn(of, params)
      .slice(0, params.limit)
      .map(({ from, times, to, users }) => ({
        from,
        to,
        transitions: times,
        users: users.size
      }))
  )

/** Score by which values are ranked. */
export const eventsInRange = (params: PathsParams) => (events: ReadonlyArray<Event>) =>
  countedIn(events, params).length || undefined

const nameIn = (event: Event, { property }: PathsParams) =>
  property === undefined ? event.event_type : valueOf(event, `properties.${property}`)

const countedIn = (events: ReadonlyArray<Event>, params: PathsParams) => {
  const clock = localClock(params.tz)
  return events.filter((event) => {
    const date = clock.date(event.occurred_at)
    const within = event.event_type !== IDENTIFY && date >= params.from && date <= params.to
    return within && typeof nameIn(event, params) === "string"
  })
}

interface Transition {
  readonly from: string
  readonly to: string
  times: number
  readonly users: Set<string>
}

/** Transitions with those who made them, in the order of their rows. */
export const transitionsIn = (events: ReadonlyArray<Event>, params: PathsParams): ReadonlyArray<Transition> => {
  const found = new Map<string, Transition>()
  for (const [user, own] of Map.groupBy(countedIn(events, params), ({ user_id }) => user_id)) {
    const ordered = own.toSorted((a, b) => a.occurred_at - b.occurred_at || (a.event_id < b.event_id ? -1 : 1))
    let start = ordered[0]!.occurred_at
    for (const [index, event] of ordered.entries()) {
      const before = ordered[index - 1]
      if (before === undefined) continue
      if (event.occurred_at - before.occurred_at > IDLE_MICROS || event.occurred_at - start > SESSION_MICROS) {
        start = event.occurred_at
        continue
      }
      const [from, to] = [String(nameIn(before, params)), String(nameIn(event, params))]
      const key = JSON.stringify([from, to])
      const known = found.get(key) ?? { from, to, times: 0, users: new Set() }
      found.set(key, known)
      known.times++
      known.users.add(user)
    }
  }
  return [...found.values()].toSorted(
    (a, b) => b.times - a.times || compareCodePoints(a.from, b.from) || compareCodePoints(a.to, b.to)
  )
}
