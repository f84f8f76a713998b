import { Tally } from "@millrace/core"

export const BLOCK_RECORDS = 4096

/** Columns over {@link BLOCK_RECORDS} consecutive records: about 25 bytes a record, and bits for excluded events. */
export class IndexBlock {
  readonly project = new Uint32Array(BLOCK_RECORDS)
  readonly bytes = new Uint32Array(BLOCK_RECORDS)
  readonly receivedAt = new Float64Array(BLOCK_RECORDS)
  readonly acked = new Uint8Array(BLOCK_RECORDS)
  /** `ends[i]` is the number of the block's events up to and with record i. */
  readonly #ends = new Uint32Array(BLOCK_RECORDS)
  readonly dead = new Bits()
  readonly duplicate = new Bits()
  /** Events of acknowledged records, dead letters not. */
  readonly stored = new Tally()

  setCount(slot: number, count: number): void {
    this.#ends[slot] = this.start(slot) + count
  }

  /** Number, within the block, of the record's first event. */
  start(slot: number): number {
    return slot === 0 ? 0 : this.#ends[slot - 1]!
  }

  count(slot: number): number {
    return this.#ends[slot]! - this.start(slot)
  }

  /** Events of the record that are not dead letters. */
  alive(slot: number): number {
    const start = this.start(slot)
    const count = this.count(slot)
    return count - this.dead.count(start, start + count)
  }
}

/** A growing set of small integers; costs nothing while empty, since excluded events are rare. */
class Bits {
  #words: Uint32Array | undefined
  #size = 0

  has(bit: number): boolean {
    const word = this.#words?.[bit >>> 5]
    return word !== undefined && ((word >>> (bit & 31)) & 1) === 1
  }

  /** Returns false when it is there already. */
  add(bit: number): boolean {
    if (this.has(bit)) return false
    const word = bit >>> 5
    if (this.#words === undefined || word >= this.#words.length) {
      const grown = new Uint32Array(Math.max(64, 2 * word))
      if (this.#words !== undefined) grown.set(this.#words)
      this.#words = grown
    }
    this.#words[word]! |= 1 << (bit & 31)
    this.#size++
    return true
  }

  count(from: number, to: number): number {
    if (this.#size === 0) return 0
    let count = 0
    for (let bit = from; bit < to; bit++) if (this.has(bit)) count++
    return count
  }
}
