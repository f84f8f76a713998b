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
  const ranges = buckets.flatMap(({ spans }) => spans.flat())
  const from = ranges.reduce((least, range) => Math.min(least, range.from), Infinity)
  const until = ranges.reduce((most, range) => Math.max(most, range.until), -Infinity)
  const bucketAt = new Int32Array(Math.max(0, until - from)).fill(NO_BUCKET)
  buckets.forEach(({ spans }, index) => {
    for (const range of spans.flat()) bucketAt.fill(index, range.from - from, range.until - from)
  })
  return { from, until, bucketAt }
}

/** Tells the index of the bucket that holds a quarter hour; −1 where none does. */
export const bucketFinder = (buckets: ReadonlyArray<ActivityBucket>): ((quarter: number) => number) => {
  const { from, bucketAt, until } = tableOf(buckets)
  return (quarter) => (quarter < from || quarter >= until ? NO_BUCKET : bucketAt[quarter - from]!)
}

/** For each bucket, the users whose quarter hour lies in it; `quarters` is by user number, of `users` users. */
export const usersByBucket = (
  buckets: ReadonlyArray<ActivityBucket>,
  quarters: Int32Array,
  users: number
): ReadonlyArray<UserSet> => {
  const { from, bucketAt, until } = tableOf(buckets)
  const words = buckets.map(() => new Uint32Array(Math.ceil(users / 32)))
  // Word by word and without a call for each user: a set's `add` takes three times as long.
  const gathered = new Int32Array(buckets.length)
  for (let at = 0; at * 32 < users; at++) {
    const end = Math.min(32, users - at * 32)
    for (let bit = 0; bit < end; bit++) {
      const quarter = quarters[at * 32 + bit]!
      const index = quarter >= from && quarter < until ? bucketAt[quarter - from]! : NO_BUCKET
      if (index !== NO_BUCKET) gathered[index]! |= 1 << bit
    }
    for (let index = 0; index < gathered.length; index++) {
      words[index]![at] = gathered[index]!
      gathered[index] = 0
    }
  }
  return words.map((of) => new UserSet(of))
}
