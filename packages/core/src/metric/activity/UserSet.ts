/** A set of user numbers: a bit for each. Sizes grow with the highest number, not with how many there are. */
export class UserSet {
  #words: Uint32Array
  /** Undefined until it is asked for. */
  #size: number | undefined

  constructor(words: Uint32Array = new Uint32Array(0)) {
    this.#words = words
  }

  get size(): number {
    return (this.#size ??= countBits(this.#words))
  }

  get bytes(): number {
    return this.#words.byteLength
  }

  has(user: number): boolean {
    return ((this.#words[user >>> 5] ?? 0) & (1 << (user & 31))) !== 0
  }

  add(user: number): void {
    const at = user >>> 5
    if (at >= this.#words.length) this.#grow(at + 1)
    const before = this.#words[at]!
    const after = (before | (1 << (user & 31))) >>> 0
    if (before === after) return
    this.#words[at] = after
    if (this.#size !== undefined) this.#size++
  }

  delete(user: number): void {
    if (!this.has(user)) return
    this.#words[user >>> 5]! &= ~(1 << (user & 31))
    if (this.#size !== undefined) this.#size--
  }

  forEach(visit: (user: number) => void): void {
    const words = this.#words
    for (let at = 0; at < words.length; at++) {
      for (let rest = words[at]!; rest !== 0; rest &= rest - 1) visit(at * 32 + 31 - Math.clz32(rest & -rest))
    }
  }

  /** How many are in both. */
  common(other: UserSet): number {
    const [left, right] = [this.#words, other.#words]
    const end = Math.min(left.length, right.length)
    let count = 0
    for (let at = 0; at < end; at++) count = (count + bitsOf(left[at]! & right[at]!)) | 0
    return count
  }

  /** Those of both, as a new set. */
  and(other: UserSet): UserSet {
    const [left, right] = [this.#words, other.#words]
    const words = new Uint32Array(Math.min(left.length, right.length))
    for (let at = 0; at < words.length; at++) words[at] = left[at]! & right[at]!
    return new UserSet(words)
  }

  /** Those of any, as a new set; of one set, that set itself. */
  static union(sets: ReadonlyArray<UserSet>): UserSet {
    if (sets.length === 1) return sets[0]!
    const union = new UserSet(new Uint32Array(sets.reduce((most, set) => Math.max(most, set.#words.length), 0)))
    for (const set of sets) union.addAll(set)
    return union
  }

  addAll(other: UserSet): void {
    const added = other.#words
    if (added.length > this.#words.length) this.#grow(added.length)
    const words = this.#words
    for (let at = 0; at < added.length; at++) words[at]! |= added[at]!
    this.#size = undefined
  }

  /** How many are in either. */
  static unionSize(left: UserSet, right: UserSet): number {
    const [short, long] =
      left.#words.length < right.#words.length ? [left.#words, right.#words] : [right.#words, left.#words]
    let count = 0
    for (let at = 0; at < short.length; at++) count = (count + bitsOf(short[at]! | long[at]!)) | 0
    for (let at = short.length; at < long.length; at++) count = (count + bitsOf(long[at]!)) | 0
    return count
  }

  /** Room for a few more, so that users who come one by one do not copy it each time. */
  #grow(length: number): void {
    const words = new Uint32Array(Math.ceil(length * 1.25))
    words.set(this.#words)
    this.#words = words
  }
}

/**
 * Here and where these are added up, `| 0` tells V8 that there are integers alone: with doubles it takes three times as
 * long.
 */
const bitsOf = (word: number): number => {
  const pairs = (word - ((word >>> 1) & 0x55555555)) | 0
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

const countBits = (words: Uint32Array): number => {
  let count = 0
  for (let at = 0; at < words.length; at++) count = (count + bitsOf(words[at]!)) | 0
  return count
}
