import { randomBytes } from "node:crypto"

/** Five words a slot: the project's number (never 0: that marks a free slot) and the id. */
const WORDS = 5
const SHARDS = 256
const MIN_SLOTS = 16

/**
 * An exact set of `(project, 16-byte id)`: open addressing in typed arrays, 27 to 53 bytes an id. It is cut into
 * shards, so that growing copies a part at a time and never holds up the process for long.
 */
export class IdSet {
  readonly #shards: Array<Shard | undefined> = Array.from({ length: SHARDS })
  readonly #key = new Uint32Array(WORDS)
  /** Ids are chosen by clients: an unknown seed keeps them from choosing collisions. */
  readonly #seed = randomBytes(4).readUInt32LE(0)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** `id` is 16 bytes at `at`. */
  has(project: number, id: Uint8Array, at: number): boolean {
    const hash = this.#read(project, id, at)
    return this.#shards[hash >>> 24]?.has(this.#key, hash) ?? false
  }

  /** Returns false when it is there already. */
  add(project: number, id: Uint8Array, at: number): boolean {
    const hash = this.#read(project, id, at)
    const shard = (this.#shards[hash >>> 24] ??= new Shard((words, slot) => this.#hash(words, slot)))
    const added = shard.add(this.#key, hash)
    if (added) this.#size++
    return added
  }

  delete(project: number, id: Uint8Array, at: number): void {
    const hash = this.#read(project, id, at)
    if (this.#shards[hash >>> 24]?.delete(this.#key, hash) === true) this.#size--
  }

  #read(project: number, id: Uint8Array, at: number): number {
    this.#key[0] = project
    for (let word = 0; word < 4; word++) {
      const from = at + word * 4
      this.#key[word + 1] = id[from]! | (id[from + 1]! << 8) | (id[from + 2]! << 16) | (id[from + 3]! << 24)
    }
    return this.#hash(this.#key, 0)
  }

  #hash(words: Uint32Array, slot: number): number {
    let hash = this.#seed
    for (let word = slot * WORDS; word < (slot + 1) * WORDS; word++) {
      hash = Math.imul(hash ^ words[word]!, 0x9e3779b1)
      hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77)
    }
    // Signed: half of the unsigned ones would be objects on the heap.
    return (hash ^ (hash >>> 16)) | 0
  }
}

class Shard {
  #words = new Uint32Array(MIN_SLOTS * WORDS)
  #slots = MIN_SLOTS
  #used = 0
  readonly #hashOf: (words: Uint32Array, slot: number) => number

  constructor(hashOf: (words: Uint32Array, slot: number) => number) {
    this.#hashOf = hashOf
  }

  has(key: Uint32Array, hash: number): boolean {
    return this.#words[this.#find(key, hash) * WORDS] !== 0
  }

  add(key: Uint32Array, hash: number): boolean {
    const slot = this.#find(key, hash)
    if (this.#words[slot * WORDS] !== 0) return false
    this.#words.set(key, slot * WORDS)
    if (++this.#used > this.#slots * 0.75) this.#grow()
    return true
  }

  /** Closes the gap by moving later members of the chain up, so that no marks of deleted ids pile up. */
  delete(key: Uint32Array, hash: number): boolean {
    let gap = this.#find(key, hash)
    if (this.#words[gap * WORDS] === 0) return false
    const mask = this.#slots - 1
    for (let slot = (gap + 1) & mask; this.#words[slot * WORDS] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hashOf(this.#words, slot) & mask
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue
      this.#words.copyWithin(gap * WORDS, slot * WORDS, (slot + 1) * WORDS)
      gap = slot
    }
    this.#words.fill(0, gap * WORDS, (gap + 1) * WORDS)
    this.#used--
    return true
  }

  /** The key's slot, or the free one where it belongs. */
  #find(key: Uint32Array, hash: number): number {
    const words = this.#words
    const mask = this.#slots - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = slot * WORDS
      if (words[at] === 0) return slot
      if (
        words[at + 1] === key[1] &&
        words[at + 2] === key[2] &&
        words[at + 3] === key[3] &&
        words[at + 4] === key[4] &&
        words[at] === key[0]
      ) {
        return slot
      }
    }
  }

  /** No two members are equal, so each one takes the first free slot from its own on. */
  #grow(): void {
    const old = this.#words
    const slots = this.#slots
    const mask = (this.#slots *= 2) - 1
    const words = (this.#words = new Uint32Array(this.#slots * WORDS))
    for (let slot = 0; slot < slots; slot++) {
      if (old[slot * WORDS] === 0) continue
      let free = this.#hashOf(old, slot) & mask
      while (words[free * WORDS] !== 0) free = (free + 1) & mask
      for (let word = 0; word < WORDS; word++) words[free * WORDS + word] = old[slot * WORDS + word]!
    }
  }
}
