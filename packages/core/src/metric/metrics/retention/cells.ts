import type { Activity } from "../../activity/Activity.ts"
import { bucketFinder, usersByBucket } from "../../activity/bucketFinder.ts"
import type { ActivityBucket } from "../../activity/buckets.ts"
import { UserSet } from "../../activity/UserSet.ts"
import type { RawRow } from "../../rows.ts"
import type { RetentionParams } from "./model.ts"

interface Counting {
  readonly params: RetentionParams
  readonly activity: Activity
  /** One after the other, the first of the question first. */
  readonly cohorts: ReadonlyArray<ActivityBucket>
  /** From the second interval on. */
  readonly returns: ReadonlyArray<ActivityBucket>
}

/** Users by cohort and cell, cohort by cohort, in one array. */
type Counts = Uint32Array

/** Rows `(cohort, cell, users)`; for `on-or-after` a user is in the cell of the last return alone, as in SQL. */
export const cellsOf = (counting: Counting): ReadonlyArray<RawRow> => {
  const { cohorts, params } = counting
  const counts = new Uint32Array(cohorts.length * params.windows)
  if (params.mode === "first-ever") countFirstEver(counting, counts)
  else countRecurring(counting, counts)
  return cohorts.flatMap(({ bucket }, cohort) =>
    Array.from(counts.subarray(cohort * params.windows, (cohort + 1) * params.windows), (users, cell) => ({
      cohort: bucket,
      cell,
      users
    })).filter(({ users }) => users > 0)
  )
}

const NONE = -1

const countFirstEver = (counting: Counting, counts: Counts): void => {
  const { activity, cohorts, params } = counting
  const { users } = activity
  const first = activity.first(params.start_event)
  const entered = usersByBucket(cohorts, first, users)
  countEntered(entered, params, counts)
  if (params.measure === "on-or-after") return countLatest(counting, entered, counts)
  let cohortOf: Int32Array | undefined
  eachReturn(counting, (returned, at) => {
    const meetings = Math.min(at, params.windows - 1, cohorts.length)
    // Two sets meet in a step for 32 users; going through the users takes several for each.
    if (meetings * users < returned.size * STEPS_PER_USER * 32)
      return countMeetings(entered, returned, at, params, counts)
    cohortOf ??= first.slice(0, users).map(bucketFinder(cohorts))
    countOneByOne(cohortOf, returned, at, params, counts)
  })
}

const STEPS_PER_USER = 4

const countRecurring = (counting: Counting, counts: Counts): void => {
  const { activity, cohorts, params } = counting
  const { measure, start_event } = params
  const entered = cohorts.map(({ periods }) =>
    UserSet.union(periods.map((period) => activity.active(start_event, period)))
  )
  countEntered(entered, params, counts)
  if (measure === "on-or-after") return countLatest(counting, entered, counts)
  eachReturn(counting, (users, at) => countMeetings(entered, users, at, params, counts))
}

const countEntered = (entered: ReadonlyArray<UserSet>, { windows }: RetentionParams, counts: Counts) =>
  entered.forEach((users, cohort) => (counts[cohort * windows] = users.size))

/** The cell of each cohort that `users` return in, `at` intervals after the first cohort's. */
const countMeetings = (
  entered: ReadonlyArray<UserSet>,
  users: UserSet,
  at: number,
  { windows }: RetentionParams,
  counts: Counts
): void => {
  for (let cohort = Math.max(0, at - windows + 1); cohort < Math.min(at, entered.length); cohort++) {
    counts[cohort * windows + at - cohort] = entered[cohort]!.common(users)
  }
}

const countOneByOne = (
  cohortOf: Int32Array,
  users: UserSet,
  at: number,
  { windows }: RetentionParams,
  counts: Counts
): void =>
  users.forEach((user) => {
    const cohort = cohortOf[user]!
    const cell = at - cohort
    if (cohort !== NONE && cell >= 1 && cell < windows) counts[cohort * windows + cell]!++
  })

const countLatest = (counting: Counting, entered: ReadonlyArray<UserSet>, counts: Counts): void => {
  const { windows } = counting.params
  const latest = new Int32Array(counting.activity.users).fill(NONE)
  eachReturn(counting, (users, at) => users.forEach((user) => (latest[user] = at)))
  entered.forEach((users, cohort) =>
    users.forEach((user) => {
      const cell = Math.min(latest[user]! - cohort, windows - 1)
      if (cell >= 1) counts[cohort * windows + cell]!++
    })
  )
}

/** In time order; `at` counts intervals from the first cohort's. */
const eachReturn = ({ activity, cohorts, params, returns }: Counting, visit: (users: UserSet, at: number) => void) => {
  for (const { bucket, periods } of returns) {
    const users = UserSet.union(periods.map((period) => activity.active(params.return_event, period)))
    if (users.size > 0) visit(users, bucket - cohorts[0]!.bucket)
  }
}
