import type { SpanSlot } from "./spans.ts"
import { UserSet } from "./UserSet.ts"

interface Table {
  readonly from: number
  readonly until: number
  /** By quarter hour after `from`. */
  readonly slotOf: Int32Array
}

const NO_SLOT = -1

const tableOf = (slots: ReadonlyArray<SpanSlot>): Table => {
  const ranges = slots.flatMap(({ spans }) => spans.flat())
  const from = ranges.reduce((least, range) => Math.min(least, range.from), Infinity)
  const until = ranges.reduce((most, range) => Math.max(most, range.until), -Infinity)
  const slotOf = new Int32Array(Math.max(0, until - from)).fill(NO_SLOT)
  slots.forEach(({ spans }, slot) => {
    for (const range of spans.flat()) slotOf.fill(slot, range.from - from, range.until - from)
  })
  return { from, until, slotOf }
}

/** Tells the index of the slot that holds a quarter hour; −1 where none does. */
export const quarterSlots = (slots: ReadonlyArray<SpanSlot>): ((quarter: number) => number) => {
  const { from, slotOf, until } = tableOf(slots)
  return (quarter) => (quarter < from || quarter >= until ? NO_SLOT : slotOf[quarter - from]!)
}

/** For each slot, the users whose quarter hour lies in it; `quarters` is by user number, of `users` users. */
export const usersOfSlots = (
  slots: ReadonlyArray<SpanSlot>,
  quarters: Int32Array,
  users: number
): ReadonlyArray<UserSet> => {
  const { from, slotOf, until } = tableOf(slots)
  const words = slots.map(() => new Uint32Array(Math.ceil(users / 32)))
  // Word by word and without a call for each user: a set's `add` takes three times as long.
  const gathered = new Int32Array(slots.length)
  for (let at = 0; at * 32 < users; at++) {
    const end = Math.min(32, users - at * 32)
    for (let bit = 0; bit < end; bit++) {
      const quarter = quarters[at * 32 + bit]!
      const slot = quarter >= from && quarter < until ? slotOf[quarter - from]! : NO_SLOT
      if (slot !== NO_SLOT) gathered[slot]! |= 1 << bit
    }
    for (let slot = 0; slot < gathered.length; slot++) {
      words[slot]![at] = gathered[slot]!
      gathered[slot] = 0
    }
  }
  return words.map((of) => new UserSet(of))
}
