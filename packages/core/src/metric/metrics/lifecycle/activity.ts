import type { Activity, ActivityQuestion } from "../../activity/Activity.ts"
import { bucketFinder } from "../../activity/bucketFinder.ts"
import { ofAllEvents, bucketsOfRange, type ActivityBucket } from "../../activity/buckets.ts"
import { UserSet } from "../../activity/UserSet.ts"
import type { RawRow } from "../../rows.ts"
import type { LifecycleParams } from "./model.ts"

/** {@link lifecycleSql}'s rows from sets of users, those of the interval before the range included. */
export const lifecycleActivity = (params: LifecycleParams): ActivityQuestion | undefined => {
  const buckets = ofAllEvents(params) ? bucketsOfRange(params, 1) : undefined
  const eventType = params.event_type
  return (
    buckets && {
      eventTypes: [],
      plan: () => ({
        periods: [{ eventType, periods: buckets.flatMap(({ periods }) => periods) }],
        firsts: [eventType],
        passes: buckets.length * 3,
        rows: (activity) => rowsOf(buckets, activity, params)
      })
    }
  )
}

const rowsOf = (
  buckets: ReadonlyArray<ActivityBucket>,
  activity: Activity,
  params: LifecycleParams
): ReadonlyArray<RawRow> => {
  const sets = buckets.map(({ periods }) =>
    UserSet.union(periods.map((period) => activity.active(params.event_type, period)))
  )
  const entered = enteredIn(buckets, activity, params)
  return buckets.map(({ bucket }, index) => {
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
const enteredIn = (buckets: ReadonlyArray<ActivityBucket>, activity: Activity, { event_type }: LifecycleParams) => {
  const entered = buckets.map((): Array<number> => [])
  const bucketIndexAt = bucketFinder(buckets)
  const first = activity.first(event_type)
  for (let user = 0; user < activity.users; user++) {
    const bucket = bucketIndexAt(first[user]!)
    if (bucket >= 0) entered[bucket]!.push(user)
  }
  return entered
}
