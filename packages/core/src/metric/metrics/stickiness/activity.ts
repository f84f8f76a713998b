import type { Activity, ActivityQuestion, EventTypeOrAny } from "../../activity/Activity.ts"
import { ofAllEvents, bucketsOfRange, type ActivityBucket } from "../../activity/buckets.ts"
import { UserSet } from "../../activity/UserSet.ts"
import type { RawRow } from "../../rows.ts"
import type { StickinessParams } from "./model.ts"

/** {@link stickinessSql}'s rows from sets of users. */
export const stickinessActivity = (params: StickinessParams): ActivityQuestion | undefined => {
  const buckets = ofAllEvents(params) ? bucketsOfRange(params) : undefined
  const eventType = params.event_type
  return (
    buckets && {
      eventTypes: [],
      plan: () => ({
        periods: [{ eventType, periods: buckets.flatMap(({ periods }) => periods) }],
        firsts: [],
        passes: buckets.length * 10,
        rows: (activity) => rowsOf(buckets, activity, eventType)
      })
    }
  )
}

const rowsOf = (
  buckets: ReadonlyArray<ActivityBucket>,
  activity: Activity,
  eventType: EventTypeOrAny
): ReadonlyArray<RawRow> => {
  const intervals = new Uint16Array(activity.users)
  for (const { periods } of buckets) {
    UserSet.union(periods.map((period) => activity.active(eventType, period))).forEach((user) => intervals[user]!++)
  }
  const users = Array.from({ length: buckets.length + 1 }, () => 0)
  for (const count of intervals) users[count]!++
  return users.flatMap((found, count) => (count === 0 || found === 0 ? [] : [{ intervals: count, users: found }]))
}
