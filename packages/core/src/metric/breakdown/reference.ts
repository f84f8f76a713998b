import type { Event } from "../../event/Event.ts"
import { IDENTIFY } from "../events.ts"
import type { Field } from "../filter/index.ts"
import { rowsOfEach } from "./shape.ts"
import {
  type BreakdownValue,
  type WithBreakdown,
  breakdownOf,
  NONE,
  orderOf,
  OTHER,
  type WithBreakdownValue
} from "./values.ts"

/**
 * Things put into groups by their values, best value first. `score` is undefined where a group has no part in the
 * answer.
 */
export const groupByValue = <Thing>(
  things: ReadonlyArray<Thing>,
  valueOf: (thing: Thing) => BreakdownValue,
  score: (group: ReadonlyArray<Thing>) => number | null | undefined,
  /** The one value that is asked about: it is told apart, whatever its rank. */
  wanted?: BreakdownValue
): ReadonlyArray<readonly [BreakdownValue, ReadonlyArray<Thing>]> => {
  const groups = [...Map.groupBy(things, valueOf)]
  const scores = new Map(
    groups.flatMap(([value, group]) => {
      const scored = score(group)
      return scored === undefined ? [] : [[value, scored] as const]
    })
  )
  const { all, named } = orderOf(scores, wanted)
  const rest = groups.filter(([value]) => value !== NONE && !named.includes(value)).flatMap(([, group]) => group)
  return all.map((value) => [value, value === OTHER ? rest : groups.find(([own]) => own === value)![1]] as const)
}

/** Each user's value: that of the user's latest event, in all history, that has one. */
export const userValues = (events: ReadonlyArray<Event>, field: Field): ((user: string) => BreakdownValue) => {
  const byTime = events.toSorted((a, b) => a.occurred_at - b.occurred_at || (a.event_id < b.event_id ? -1 : 1))
  const values = new Map<string, BreakdownValue>()
  for (const event of byTime) {
    const value = breakdownOf(event, field)
    if (value !== NONE) values.set(event.user_id, value)
  }
  return (user) => values.get(user) ?? NONE
}

/**
 * The definition, for metrics that count events or those who have them: for each value the metric as though there were
 * no other events than those with the value, or than those of the users with it.
 */
export const eachValue = <Row>(
  events: ReadonlyArray<Event>,
  { breakdown, breakdown_of }: WithBreakdown,
  score: (events: ReadonlyArray<Event>) => number | null | undefined,
  rowsOf: (events: ReadonlyArray<Event>) => ReadonlyArray<Row>
): ReadonlyArray<WithBreakdownValue<Row>> => {
  if (breakdown === undefined) return rowsOf(events) as ReadonlyArray<WithBreakdownValue<Row>>
  return rowsOfEach(partsOf(events, { breakdown, breakdown_of }, score), rowsOf)
}

/** The events that a value's rows are counted from. */
export const partsOf = (
  events: ReadonlyArray<Event>,
  { breakdown, breakdown_of, breakdown_value }: WithBreakdown & { readonly breakdown: Field },
  score: (events: ReadonlyArray<Event>) => number | null | undefined
): ReadonlyArray<readonly [BreakdownValue, ReadonlyArray<Event>]> => {
  const ofUser = userValues(
    events.filter(({ event_type }) => event_type !== IDENTIFY),
    breakdown
  )
  const valueOf = (event: Event) => (breakdown_of === "event" ? breakdownOf(event, breakdown) : ofUser(event.user_id))
  return groupByValue(events, valueOf, score, breakdown_value)
}

/** Distinct users, where there are any. */
export const usersAmong = (events: ReadonlyArray<Event>): number | undefined => {
  const { size } = new Set(events.map(({ user_id }) => user_id))
  return size === 0 ? undefined : size
}
