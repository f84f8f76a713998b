import type { Activity, ActivityQuestion } from "../../activity/Activity.ts"
import { quarterSlots } from "../../activity/quarterSlots.ts"
import { ofAllEvents, slotsOfRange, type SpanSlot } from "../../activity/spans.ts"
import { UserSet } from "../../activity/UserSet.ts"
import type { RawRow } from "../../rows.ts"
import type { LifecycleParams } from "./model.ts"

/** {@link lifecycleSql}'s rows from sets of users, those of the interval before the range included. */
export const lifecycleActivity = (params: LifecycleParams): ActivityQuestion | undefined => {
  const slots = ofAllEvents(params) ? slotsOfRange(params, 1) : undefined
  const eventType = params.event_type
  return (
    slots && {
      eventTypes: [],
      plan: () => ({
        spans: [{ eventType, spans: slots.flatMap(({ spans }) => spans) }],
        firsts: [eventType],
        passes: slots.length * 3,
        rows: (activity) => rowsOf(slots, activity, params)
      })
    }
  )
}

const rowsOf = (slots: ReadonlyArray<SpanSlot>, activity: Activity, params: LifecycleParams): ReadonlyArray<RawRow> => {
  const sets = slots.map(({ spans }) => UserSet.union(spans.map((span) => activity.active(params.event_type, span))))
  const entered = enteredIn(slots, activity, params)
  return slots.map(({ bucket }, index) => {
    const [active, before, after] = [sets[index]!, sets[index - 1], sets[index + 1]]
    // New users may have been active before as well, where a clock ran back into the interval before their first event's.
    const stayed = before === undefined ? 0 : active.common(before)
    const returning = stayed - entered[index]!.filter((user) => before?.has(user) === true).length
    const resurrecting = active.size - entered[index]!.length - returning
    const dormant = active.size - (after === undefined ? 0 : active.common(after))
    return { bucket, entered: entered[index]!.length, returning_users: returning, resurrecting, dormant }
  })
}

/** For each interval, the users whose first event lies in it. */
const enteredIn = (slots: ReadonlyArray<SpanSlot>, activity: Activity, { event_type }: LifecycleParams) => {
  const entered = slots.map((): Array<number> => [])
  const slotAt = quarterSlots(slots)
  const first = activity.first(event_type)
  for (let user = 0; user < activity.users; user++) {
    const slot = slotAt(first[user]!)
    if (slot >= 0) entered[slot]!.push(user)
  }
  return entered
}
