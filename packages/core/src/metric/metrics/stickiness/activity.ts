import type { Activity, ActivityQuestion, EventTypeOrAny } from "../../activity/Activity.ts"
import { ofAllEvents, slotsOfRange, type SpanSlot } from "../../activity/spans.ts"
import { UserSet } from "../../activity/UserSet.ts"
import type { RawRow } from "../../rows.ts"
import type { StickinessParams } from "./model.ts"

/** {@link stickinessSql}'s rows from sets of users. */
export const stickinessActivity = (params: StickinessParams): ActivityQuestion | undefined => {
  const slots = ofAllEvents(params) ? slotsOfRange(params) : undefined
  const eventType = params.event_type
  return (
    slots && {
      eventTypes: [],
      plan: () => ({
        spans: [{ eventType, spans: slots.flatMap(({ spans }) => spans) }],
        firsts: [],
        passes: slots.length * 10,
        rows: (activity) => rowsOf(slots, activity, eventType)
      })
    }
  )
}

const rowsOf = (
  slots: ReadonlyArray<SpanSlot>,
  activity: Activity,
  eventType: EventTypeOrAny
): ReadonlyArray<RawRow> => {
  const intervals = new Uint16Array(activity.users)
  for (const { spans } of slots) {
    UserSet.union(spans.map((span) => activity.active(eventType, span))).forEach((user) => intervals[user]!++)
  }
  const users = Array.from({ length: slots.length + 1 }, () => 0)
  for (const count of intervals) users[count]!++
  return users.flatMap((found, count) => (count === 0 || found === 0 ? [] : [{ intervals: count, users: found }]))
}
