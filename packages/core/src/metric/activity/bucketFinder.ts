import type { ActivityBucket } from "./buckets.ts"
import { UserSet } from "./UserSet.ts"

interface Table {
  readonly from: number
  readonly until: number
  /** By quarter hour after `from`. */
  readonly bucketAt: Int32Array
}

const NO_BUCKET = -1

const tableOf = (buckets: ReadonlyArray<ActivityBucket>): Table => {
  const ranges = buckets.flatMap(({ periods }) => periods.flat())
  const from = ranges.reduce((least, range) => Math.min(least, range.from), Infinity)
  const until = ranges.reduce((most, range) => Math.max(most, range.until), -Infinity)
  const bucketAt = new Int32Array(Math.max(0, until - from)).fill(NO_BUCKET)
  buckets.forEach(({ periods }, index) => {
    for (const range of periods.flat()) bucketAt.fill(index, range.from - from, range.until - from)
  })
  return { from, until, bucketAt }
}

/** Tells the index of the bucket that holds a quarter hour; −1 where none does. */
export const bucketFinder = (buckets: ReadonlyArray<ActivityBucket>): ((quarterHour: number) => number) => {
  const { from, bucketAt, until } = tableOf(buckets)
  return (quarterHour) => (quarterHour < from || quarterHour >= until ? NO_BUCKET : bucketAt[quarterHour - from]!)
}

/** For each bucket, the users whose quarter hour lies in it; `quarterHours` is by user number, of `users` users. */
export const usersByBucket = (
  buckets: ReadonlyArray<ActivityBucket>,
  quarterHours: Int32Array,
  users: number
): ReadonlyArray<UserSet> => {
  const { from, bucketAt, until } = tableOf(buckets)
  const words = buckets.map(() => new Uint32Array(Math.ceil(users / 32)))
  // Word by word and without a call for each user: a set's `add` takes three times as long.
  const gathered = new Int32Array(buckets.length)
  for (let at = 0; at * 32 < users; at++) {
    const end = Math.min(32, users - at * 32)
    for (let bit = 0; bit < end; bit++) {
      const quarterHour = quarterHours[at * 32 + bit]!
      const index = quarterHour >= from && quarterHour < until ? bucketAt[quarterHour - from]! : NO_BUCKET
      if (index !== NO_BUCKET) gathered[index]! |= 1 << bit
    }
    for (let index = 0; index < gathered.length; index++) {
      words[index]![at] = gathered[index]!
      gathered[index] = 0
    }
  }
  return words.map((of) => new UserSet(of))
}
