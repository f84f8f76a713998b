import type { LogIndex } from "./LogIndex.ts"

export interface Lease {
  readonly sequences: ReadonlyArray<number>
  /** 1 on the first delivery. */
  readonly attempt: number
  /** Clock milliseconds. */
  readonly deadline: number
}

interface LeaseOptions {
  readonly maxAttempts: number
  /** Before the second attempt; doubles with each further one. */
  readonly backoffMillis: number
}

export interface Exhausted {
  readonly sequence: number
  readonly attempts: number
  readonly code: "attempts_exhausted" | "lease_expired"
  readonly message: string
}

/** Leased, or waiting for a further attempt. Bounds what one bad hour pulls into memory. */
const MAX_UNSETTLED = 8192
const DELIVERY_BYTES = 16 << 20
const MAX_BACKOFF_MILLIS = 30_000

/** Who holds which record, and what comes back when. Plain data and synchronous steps; attempts live in memory. */
export class Leases {
  readonly #index: LogIndex
  readonly #options: LeaseOptions
  readonly #held = new Set<Lease>()
  readonly #heldRecords = new Map<number, Lease>()
  /** Records that come back, by Clock milliseconds. */
  readonly #readyAt = new Map<number, number>()
  readonly #failures = new Map<number, number>()
  #exhausted: Array<Exhausted> = []
  #next: number

  constructor(index: LogIndex, options: LeaseOptions) {
    this.#index = index
    this.#options = options
    this.#next = index.floor + 1
  }

  /** What may be delivered at `now`, or `undefined`. Records that come back go before new ones. */
  take(now: number, options: { readonly limit: number; readonly ackWaitMillis: number }): Lease | undefined {
    this.#expire(now)
    const sequences = this.#due(now, options.limit) ?? this.#fresh(options.limit)
    if (sequences.length === 0) return undefined
    let failures = 0
    for (const sequence of sequences) failures = Math.max(failures, this.#failures.get(sequence) ?? 0)
    const lease: Lease = { sequences, attempt: failures + 1, deadline: now + options.ackWaitMillis }
    this.#held.add(lease)
    for (const sequence of sequences) {
      this.#readyAt.delete(sequence)
      this.#heldRecords.set(sequence, lease)
    }
    return lease
  }

  #due(now: number, limit: number): ReadonlyArray<number> | undefined {
    const due: Array<number> = []
    for (const [sequence, readyAt] of this.#readyAt) {
      if (this.#isOver(sequence)) this.#forget(sequence)
      else if (readyAt <= now) due.push(sequence)
    }
    if (due.length === 0) return undefined
    const sorted = due.toSorted((a, b) => a - b)
    const fits = this.#meter(limit)
    const end = sorted.findIndex((sequence) => !fits(sequence))
    const sequences = end === -1 ? sorted : sorted.slice(0, end)
    // The last attempt is made alone, so that a bad record takes no neighbour with it to the dead letters.
    const last = sequences.find((sequence) => (this.#failures.get(sequence) ?? 0) >= this.#options.maxAttempts - 1)
    return last === undefined ? sequences : [last]
  }

  #fresh(limit: number): ReadonlyArray<number> {
    const fresh: Array<number> = []
    const room = MAX_UNSETTLED - this.#heldRecords.size - this.#readyAt.size
    const fits = this.#meter(limit)
    for (; this.#next <= this.#index.last; this.#next++) {
      if (this.#isOver(this.#next)) continue
      if (fresh.length >= room || !fits(this.#next)) break
      fresh.push(this.#next)
    }
    return fresh
  }

  /** Tells for one record after the other whether the delivery has room for it; the first one always fits. */
  #meter(limit: number): (sequence: number) => boolean {
    let events = 0
    let bytes = 0
    return (sequence) => {
      const first = events === 0
      events += this.#index.alive(sequence)
      bytes += this.#index.bytes(sequence)
      return first || (events <= limit && bytes <= DELIVERY_BYTES)
    }
  }

  /** Acknowledged, or wholly set aside, which amounts to the same. */
  #isOver(sequence: number): boolean {
    if (!this.#index.isAcked(sequence) && this.#index.alive(sequence) === 0) this.#index.ack(sequence)
    return this.#index.isAcked(sequence)
  }

  #expire(now: number): void {
    for (const lease of this.#held) {
      if (lease.deadline <= now) this.#fail(lease, () => now, { code: "lease_expired", message: "no answer in time" })
    }
  }

  /** A late acknowledgement counts too: the events are stored, whoever holds the records now. */
  ack(lease: Lease): void {
    this.#letGo(lease)
    for (const sequence of lease.sequences) {
      this.#index.ack(sequence)
      this.#forget(sequence)
    }
  }

  /** Back at once; not an attempt. */
  release(lease: Lease): void {
    if (!this.#letGo(lease)) return
    for (const sequence of lease.sequences) this.#readyAt.set(sequence, 0)
  }

  /** `jitter` is between 0 and 1. */
  fail(lease: Lease, now: number, jitter: number, message: string): void {
    const readyAt = (failures: number) => {
      const backoff = Math.min(MAX_BACKOFF_MILLIS, this.#options.backoffMillis * 2 ** (failures - 1))
      return now + backoff * (0.5 + jitter / 2)
    }
    this.#fail(lease, readyAt, { code: "attempts_exhausted", message })
  }

  #fail(lease: Lease, readyAt: (failures: number) => number, why: Pick<Exhausted, "code" | "message">): void {
    if (!this.#letGo(lease)) return
    for (const sequence of lease.sequences) {
      const failures = (this.#failures.get(sequence) ?? 0) + 1
      this.#failures.set(sequence, failures)
      if (failures >= this.#options.maxAttempts) this.#exhausted.push({ sequence, attempts: failures, ...why })
      else this.#readyAt.set(sequence, readyAt(failures))
    }
  }

  /** Records due for the dead letters; the caller sets them aside and acknowledges them, or gives them back. */
  takeExhausted(): ReadonlyArray<Exhausted> {
    const exhausted = this.#exhausted
    this.#exhausted = []
    return exhausted.filter(({ sequence }) => !this.#isOver(sequence))
  }

  giveBack(exhausted: ReadonlyArray<Exhausted>, now: number): void {
    for (const { attempts, sequence } of exhausted) {
      this.#failures.set(sequence, attempts - 1)
      this.#readyAt.set(sequence, now + MAX_BACKOFF_MILLIS)
    }
  }

  acknowledge(sequence: number): void {
    this.#index.ack(sequence)
    this.#forget(sequence)
  }

  /** Clock milliseconds at which a lease or a backoff ends; `undefined` while there is none. */
  get nextChangeAt(): number | undefined {
    let next = Infinity
    for (const lease of this.#held) next = Math.min(next, lease.deadline)
    for (const readyAt of this.#readyAt.values()) next = Math.min(next, readyAt)
    return Number.isFinite(next) ? next : undefined
  }

  #letGo(lease: Lease): boolean {
    for (const sequence of lease.sequences) {
      if (this.#heldRecords.get(sequence) === lease) this.#heldRecords.delete(sequence)
    }
    return this.#held.delete(lease)
  }

  #forget(sequence: number): void {
    this.#readyAt.delete(sequence)
    this.#failures.delete(sequence)
  }
}
