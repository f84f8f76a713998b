import { type AttemptLimits, lastAlone } from "@millrace/core"
import type { LogIndex } from "./LogIndex.ts"

/** Records of one delivery. */
export interface LeasedRecords {
  readonly sequences: ReadonlyArray<number>
  /** 1 on the first delivery; the highest of its records. */
  readonly attempt: number
  /** Clock milliseconds. */
  readonly deadline: number
}

/** Leased, or waiting for a further attempt. Bounds what one bad hour pulls into memory. */
const MAX_UNSETTLED = 8192
const DELIVERY_BYTES = 16 << 20

/** Who holds which record, and what comes back when. Plain data and synchronous steps; attempts live in memory. */
export class Leases {
  readonly #index: LogIndex
  readonly limits: AttemptLimits
  readonly #held = new Set<LeasedRecords>()
  readonly #heldRecords = new Map<number, LeasedRecords>()
  /** Records that come back, by Clock milliseconds. */
  readonly #readyAt = new Map<number, number>()
  readonly #failures = new Map<number, number>()
  #next: number

  constructor(index: LogIndex, limits: AttemptLimits) {
    this.#index = index
    this.limits = limits
    this.#next = index.floor + 1
  }

  /** What may be delivered at `now`, or `undefined`. Records that come back go before new ones. */
  take(now: number, options: { readonly limit: number; readonly ackWaitMillis: number }): LeasedRecords | undefined {
    const sequences = this.#due(now, options.limit) ?? this.#fresh(options.limit)
    if (sequences.length === 0) return undefined
    let attempt = 1
    for (const sequence of sequences) attempt = Math.max(attempt, this.attempt(sequence))
    const leased: LeasedRecords = { sequences, attempt, deadline: now + options.ackWaitMillis }
    this.#held.add(leased)
    for (const sequence of sequences) {
      this.#readyAt.delete(sequence)
      this.#heldRecords.set(sequence, leased)
    }
    return leased
  }

  /** Of the record's present delivery, or of its next. */
  attempt(sequence: number): number {
    return (this.#failures.get(sequence) ?? 0) + 1
  }

  #due(now: number, limit: number): ReadonlyArray<number> | undefined {
    const due: Array<number> = []
    for (const [sequence, readyAt] of this.#readyAt) {
      if (this.isOver(sequence)) this.#forget(sequence)
      else if (readyAt <= now) due.push(sequence)
    }
    if (due.length === 0) return undefined
    const sorted = due.toSorted((a, b) => a - b)
    const fits = this.#meter(limit)
    const end = sorted.findIndex((sequence) => !fits(sequence))
    const sequences = end === -1 ? sorted : sorted.slice(0, end)
    const records = sequences.map((sequence) => ({ sequence, attempt: this.attempt(sequence) }))
    return lastAlone(records, this.limits).map(({ sequence }) => sequence)
  }

  #fresh(limit: number): ReadonlyArray<number> {
    const fresh: Array<number> = []
    const room = MAX_UNSETTLED - this.#heldRecords.size - this.#readyAt.size
    const fits = this.#meter(limit)
    for (; this.#next <= this.#index.last; this.#next++) {
      if (this.isOver(this.#next)) continue
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
  isOver(sequence: number): boolean {
    if (!this.#index.isAcked(sequence) && this.#index.alive(sequence) === 0) this.#index.ack(sequence)
    return this.#index.isAcked(sequence)
  }

  /** Leases whose time is over; they go on until they are ended. */
  expired(now: number): ReadonlyArray<LeasedRecords> {
    return [...this.#held].filter(({ deadline }) => deadline <= now)
  }

  /** Returns whether it was held: its records are the caller's to acknowledge, to bury or to let wait. */
  end(leased: LeasedRecords): boolean {
    for (const sequence of leased.sequences) {
      if (this.#heldRecords.get(sequence) === leased) this.#heldRecords.delete(sequence)
    }
    return this.#held.delete(leased)
  }

  /** A late acknowledgement counts too: the events are stored, whoever holds the records now. */
  acknowledge(sequence: number): void {
    this.#index.ack(sequence)
    this.#forget(sequence)
  }

  /** For its next delivery; `failures` so far, where there is a new one. */
  wait(sequence: number, readyAt: number, failures?: number): void {
    if (failures !== undefined) this.#failures.set(sequence, failures)
    this.#readyAt.set(sequence, readyAt)
  }

  /** Clock milliseconds at which a lease or a backoff ends; `undefined` while there is none. */
  get nextChangeAt(): number | undefined {
    let next = Infinity
    for (const lease of this.#held) next = Math.min(next, lease.deadline)
    for (const readyAt of this.#readyAt.values()) next = Math.min(next, readyAt)
    return Number.isFinite(next) ? next : undefined
  }

  #forget(sequence: number): void {
    this.#readyAt.delete(sequence)
    this.#failures.delete(sequence)
  }
}
