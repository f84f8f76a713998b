/** `[start, end)`. */
export type Range = readonly [start: number, end: number]

/** A set of whole numbers that are mostly contiguous. */
export class RangeSet {
  #ranges: Array<Range>

  constructor(ranges: ReadonlyArray<Range> = []) {
    this.#ranges = [...ranges]
  }

  get ranges(): ReadonlyArray<Range> {
    return this.#ranges
  }

  /** Index of the first range that ends at or after `value`. */
  #search(value: number): number {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#ranges[middle]![1] < value) low = middle + 1
      else high = middle
    }
    return low
  }

  has(value: number): boolean {
    const range = this.#ranges[this.#search(value + 1)]
    return range !== undefined && range[0] <= value
  }

  /** Returns how many were new. */
  add(start: number, end: number): number {
    const from = this.#search(start)
    let until = from
    let [low, high] = [start, end]
    let known = 0
    for (; until < this.#ranges.length && this.#ranges[until]![0] <= end; until++) {
      const [knownStart, knownEnd] = this.#ranges[until]!
      known += Math.max(0, Math.min(end, knownEnd) - Math.max(start, knownStart))
      low = Math.min(low, knownStart)
      high = Math.max(high, knownEnd)
    }
    this.#ranges.splice(from, until - from, [low, high])
    return end - start - known
  }

  /** Returns whether it was there. */
  delete(value: number): boolean {
    const at = this.#search(value + 1)
    const range = this.#ranges[at]
    if (range === undefined || range[0] > value) return false
    const left: ReadonlyArray<Range> = [
      [range[0], value],
      [value + 1, range[1]]
    ]
    this.#ranges.splice(at, 1, ...left.filter(([start, end]) => start < end))
    return true
  }

  /** What of `[start, end)` is in the set. */
  within(start: number, end: number): ReadonlyArray<Range> {
    const found: Array<Range> = []
    for (let at = this.#search(start + 1); at < this.#ranges.length && this.#ranges[at]![0] < end; at++) {
      found.push([Math.max(start, this.#ranges[at]![0]), Math.min(end, this.#ranges[at]![1])])
    }
    return found
  }

  get size(): number {
    return this.#ranges.reduce((sum, [start, end]) => sum + end - start, 0)
  }

  /** What of `[start, end)` is not in the set. */
  missing(start: number, end: number): ReadonlyArray<Range> {
    const gaps: Array<Range> = []
    let at = start
    for (const [knownStart, knownEnd] of this.#ranges) {
      if (knownEnd <= at) continue
      if (knownStart >= end) break
      if (knownStart > at) gaps.push([at, knownStart])
      at = knownEnd
    }
    if (at < end) gaps.push([at, end])
    return gaps
  }
}

export function* positionsIn(ranges: Iterable<Range>): Generator<number> {
  for (const [start, end] of ranges) for (let position = start; position < end; position++) yield position
}
