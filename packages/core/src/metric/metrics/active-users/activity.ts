import type { Activity, ActivityQuestion } from "../../activity/Activity.ts"
import { ofAllEvents, bucketsOfRange, type ActivityBucket } from "../../activity/buckets.ts"
import { UserSet } from "../../activity/UserSet.ts"
import type { RawRow } from "../../rows.ts"
import { type ActiveUsersParams, MONTH_DAYS, WEEK_DAYS } from "./model.ts"

/** {@link activeUsersSql}'s rows from sets of users. */
export const activeUsersActivity = (params: ActiveUsersParams): ActivityQuestion | undefined => {
  const buckets = ofAllEvents(params) ? bucketsOfRange(params, params.rolling ? MONTH_DAYS - 1 : 0) : undefined
  return (
    buckets && {
      eventTypes: [],
      plan: () => ({
        periods: [{ eventType: undefined, periods: buckets.flatMap(({ periods }) => periods) }],
        firsts: [],
        passes: buckets.length * (params.rolling ? 6 : 2),
        rows: (activity) => (params.rolling ? trailingRows(buckets, activity) : rowsOf(buckets, activity))
      })
    }
  )
}

const usersIn = ({ periods }: ActivityBucket, activity: Activity): UserSet =>
  UserSet.union(periods.map((period) => activity.active(undefined, period)))

const rowsOf = (buckets: ReadonlyArray<ActivityBucket>, activity: Activity): ReadonlyArray<RawRow> =>
  buckets.map((bucket) => ({ bucket: bucket.bucket, users: usersIn(bucket, activity).size }))

/**
 * The day's users are the window of 0 days; what leaves a window is what it held, plus the day's users, less what it
 * holds now.
 */
const trailingRows = (buckets: ReadonlyArray<ActivityBucket>, activity: Activity): ReadonlyArray<RawRow> => {
  const days = buckets.map((bucket) => usersIn(bucket, activity))
  const rows: Array<RawRow> = buckets.map(({ bucket }, index) => ({ window_days: 0, bucket, users: days[index]!.size }))
  for (const window_days of [WEEK_DAYS, MONTH_DAYS]) {
    const sizes = trailingSizes(days, window_days)
    sizes.forEach((size, index) => {
      const users = (sizes[index - 1] ?? 0) + days[index]!.size - size
      rows.push({ window_days, bucket: buckets[index]!.bucket, users })
    })
  }
  return rows
}

/**
 * Distinct users of the `length` days that end with each. Days are cut into blocks of that many: each window is the end of
 * one block and the beginning of the next, so three unions a day make all of them.
 */
const trailingSizes = (days: ReadonlyArray<UserSet>, length: number): ReadonlyArray<number> => {
  const sizes: Array<number> = []
  let ends: ReadonlyArray<UserSet> = []
  for (let start = 0; start < days.length; start += length) {
    const block = days.slice(start, start + length)
    const beginning = new UserSet()
    block.forEach((day, index) => {
      beginning.addAll(day)
      sizes.push(UserSet.unionSize(beginning, ends[index + 1] ?? new UserSet()))
    })
    ends = endsOf(block)
  }
  return sizes
}

/** For each day of a block, the users of it and those after it. */
const endsOf = (block: ReadonlyArray<UserSet>): ReadonlyArray<UserSet> => {
  let end = new UserSet()
  return block
    .toReversed()
    .map((day) => (end = UserSet.union([day, end])))
    .toReversed()
}
