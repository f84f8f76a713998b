import type { SpanSlot } from "./spans.ts"

/** Tells the index of the slot that holds a quarter hour; −1 where none does. */
export const quarterSlots = (slots: ReadonlyArray<SpanSlot>): ((quarter: number) => number) => {
  const ranges = slots.flatMap(({ spans }) => spans.flat())
  const from = ranges.reduce((least, range) => Math.min(least, range.from), Infinity)
  const until = ranges.reduce((most, range) => Math.max(most, range.until), -Infinity)
  const slotOf = new Int32Array(Math.max(0, until - from)).fill(-1)
  slots.forEach(({ spans }, slot) => {
    for (const range of spans.flat()) slotOf.fill(slot, range.from - from, range.until - from)
  })
  return (quarter) => (quarter < from || quarter >= until ? -1 : slotOf[quarter - from]!)
}
