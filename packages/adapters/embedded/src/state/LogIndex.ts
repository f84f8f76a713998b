import { Tally } from "@millrace/core"
import { IdSet } from "./IdSet.ts"
import { BLOCK_RECORDS, IndexBlock } from "./IndexBlock.ts"
import { type KnownSums, Sums } from "./Sums.ts"
import { Projects } from "./Projects.ts"

interface IndexedRecord {
  readonly project_id: string
  readonly count: number
  readonly bytes: number
  /** UTC microseconds. */
  readonly received_at: number
}

/** Which events a reader is to be spared. */
interface Excluding {
  readonly duplicates: boolean
}

const slotOf = (sequence: number) => (sequence - 1) % BLOCK_RECORDS

/**
 * What is true of every event of the log: waiting, stored, a duplicate or set aside. In memory, rebuilt from the
 * log, the dead letters and the checkpoint. All of it changes synchronously, so that counts read together agree.
 */
export class LogIndex {
  readonly projects = new Projects()
  readonly ids = new IdSet()
  readonly sums: Sums
  readonly #waiting = new Tally()
  readonly #blocks = new Map<number, IndexBlock>()
  readonly #countedUpTo: number
  readonly #undecidedUpTo: number
  #waitingBytes = 0
  #droppedUpTo: number
  #last: number
  #floor: number
  #settled: number
  #settlingPaused = false
  #lastNoted = 0

  /**
   * `accepted`: what is already known of the first records, up to `countedUpTo`; later ones add to it. Records up to
   * `undecidedUpTo` hold no identity: what was dropped before them decided it, and only the warehouse still knows.
   */
  constructor(
    known: KnownSums & { readonly droppedUpTo: number; readonly countedUpTo: number; readonly undecidedUpTo: number }
  ) {
    this.#undecidedUpTo = known.undecidedUpTo
    this.sums = new Sums(known)
    this.#countedUpTo = known.countedUpTo
    this.#droppedUpTo = this.#last = this.#floor = this.#settled = known.droppedUpTo
  }

  /** The last record. */
  get last(): number {
    return this.#last
  }

  /** The record up to which all are acknowledged. */
  get floor(): number {
    return this.#floor
  }

  /** The record up to which it is decided which events are duplicates. */
  get settled(): number {
    return this.#settled
  }

  get droppedUpTo(): number {
    return this.#droppedUpTo
  }

  get waiting(): Tally {
    return this.#waiting
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** UTC microseconds of the oldest waiting record. */
  get oldestReceivedAt(): number | undefined {
    if (this.#waiting.total === 0) return undefined
    return this.#block(this.#floor + 1).receivedAt[slotOf(this.#floor + 1)]!
  }

  add(record: IndexedRecord): void {
    const sequence = ++this.#last
    const slot = slotOf(sequence)
    const block = this.#block(sequence)
    block.project[slot] = this.projects.number(record.project_id)
    block.bytes[slot] = record.bytes
    block.receivedAt[slot] = record.received_at
    block.setCount(slot, record.count)
    this.sums.add(record.project_id, record.count, sequence <= this.#countedUpTo)
    this.#waiting.add(record.project_id, record.count)
    this.#waitingBytes += record.bytes
  }

  /** Events of the records up to `upTo`, which may be gone. */
  droppedBy(upTo: number): Tally {
    const dropped = new Tally(this.sums.dropped)
    for (let sequence = this.#droppedUpTo + 1; sequence <= upTo; sequence++) {
      dropped.add(this.projects.name(this.#block(sequence).project[slotOf(sequence)]!), this.count(sequence))
    }
    return dropped
  }

  count(sequence: number): number {
    return this.#block(sequence).count(slotOf(sequence))
  }

  bytes(sequence: number): number {
    return this.#block(sequence).bytes[slotOf(sequence)]!
  }

  alive(sequence: number): number {
    return this.#block(sequence).alive(slotOf(sequence))
  }

  isAcked(sequence: number): boolean {
    return sequence <= this.#floor || this.#block(sequence).acked[slotOf(sequence)] === 1
  }

  /** `noted`: false for a record that says by itself, in the log, that it needs no acknowledgement. */
  ack(sequence: number, noted = true): void {
    if (this.isAcked(sequence)) return
    if (noted && sequence > this.#lastNoted) this.#lastNoted = sequence
    const block = this.#block(sequence)
    const slot = slotOf(sequence)
    const project_id = this.projects.name(block.project[slot]!)
    const alive = block.alive(slot)
    block.acked[slot] = 1
    block.stored.add(project_id, alive)
    this.#waiting.add(project_id, -alive)
    this.#waitingBytes -= block.bytes[slot]!
    while (this.#floor < this.#last && this.isAcked(this.#floor + 1)) this.#floor++
  }

  /** Noted acknowledgements above the floor as inclusive ranges, at most `limit` of them. */
  ackedAboveFloor(limit: number): ReadonlyArray<readonly [number, number]> {
    const ranges: Array<[number, number]> = []
    for (let sequence = this.#floor + 1; sequence <= this.#lastNoted; sequence++) {
      if (!this.isAcked(sequence)) continue
      const range = ranges.at(-1)
      if (range?.[1] === sequence - 1) range[1] = sequence
      else if (ranges.length === limit) break
      else ranges.push([sequence, sequence])
    }
    return ranges
  }

  /** Records that are not acknowledged, those to come included: ranges `[start, end)`, the last without an end. */
  unacknowledged(): ReadonlyArray<readonly [number, number]> {
    const open: Array<readonly [number, number]> = []
    let start = this.#floor + 1
    for (const [first, last] of this.ackedAboveFloor(Number.MAX_SAFE_INTEGER)) {
      open.push([start, first])
      start = last + 1
    }
    return [...open, [start, Number.MAX_SAFE_INTEGER]]
  }

  isDead(sequence: number, index: number): boolean {
    const block = this.#block(sequence)
    return block.dead.has(block.start(slotOf(sequence)) + index)
  }

  /** Takes a dead letter out of what is waiting or stored; `id` are its 16 bytes. Returns false on a repetition. */
  markDead(sequence: number, index: number, id: Uint8Array): boolean {
    const block = this.#block(sequence)
    const slot = slotOf(sequence)
    const event = block.start(slot) + index
    if (index >= block.count(slot) || !block.dead.add(event)) return false
    const project = block.project[slot]!
    // Its id is free again: a replayed dead letter must not be a duplicate of itself.
    if (this.#holdsIds(sequence) && sequence <= this.#settled && !block.duplicate.has(event)) {
      this.ids.delete(project, id, 0)
    }
    const tally = this.isAcked(sequence) ? block.stored : this.#waiting
    tally.add(this.projects.name(project), -1)
    return true
  }

  #holdsIds(sequence: number): boolean {
    return sequence > this.#undecidedUpTo
  }

  pauseSettling(paused: boolean): void {
    this.#settlingPaused = paused
  }

  /** Decides, for the next undecided record, which of its events are duplicates. `ids`: 16 bytes an event. */
  settle(sequence: number, ids: Uint8Array): void {
    if (this.#settlingPaused || sequence !== this.#settled + 1 || sequence > this.#floor) return
    const block = this.#block(sequence)
    const slot = slotOf(sequence)
    const start = block.start(slot)
    const project = block.project[slot]!
    const count = this.#holdsIds(sequence) ? block.count(slot) : 0
    for (let index = 0; index < count; index++) {
      if (block.dead.has(start + index)) continue
      if (!this.ids.add(project, ids, index * 16)) block.duplicate.add(start + index)
    }
    this.#settled = sequence
  }

  isDuplicate(sequence: number, index: number): boolean {
    const block = this.#block(sequence)
    return block.duplicate.has(block.start(slotOf(sequence)) + index)
  }

  duplicates(sequence: number): number {
    const block = this.#block(sequence)
    const start = block.start(slotOf(sequence))
    const end = start + block.count(slotOf(sequence))
    let count = 0
    for (let event = start; event < end; event++) if (block.duplicate.has(event) && !block.dead.has(event)) count++
    return count
  }

  /** Ranges `[start, end)` of the record's events that are left. */
  runs(sequence: number, excluding: Excluding): ReadonlyArray<readonly [number, number]> {
    const block = this.#block(sequence)
    const start = block.start(slotOf(sequence))
    const count = block.count(slotOf(sequence))
    const runs: Array<readonly [number, number]> = []
    let from = 0
    for (let index = 0; index <= count; index++) {
      const out = block.dead.has(start + index) || (excluding.duplicates && block.duplicate.has(start + index))
      if (index < count && !out) continue
      if (index > from) runs.push([from, index])
      from = index + 1
    }
    return runs
  }

  /** Events of acknowledged records after `after`, duplicates included, dead letters not. */
  backlog(after: number): Tally {
    const tally = new Tally()
    const from = Math.max(after, this.#droppedUpTo)
    const firstBlock = Math.floor(from / BLOCK_RECORDS)
    for (const [number, block] of this.#blocks) {
      if (number > firstBlock) tally.addAll(block.stored)
    }
    const end = Math.min(this.#last, (firstBlock + 1) * BLOCK_RECORDS)
    for (let sequence = from + 1; sequence <= end; sequence++) {
      if (!this.isAcked(sequence)) continue
      const block = this.#block(sequence)
      tally.add(this.projects.name(block.project[slotOf(sequence)]!), block.alive(slotOf(sequence)))
    }
    return tally
  }

  /** Forgets the ids that a record brought in. */
  forgetIds(sequence: number, ids: Uint8Array): void {
    if (!this.#holdsIds(sequence)) return
    const project = this.#block(sequence).project[slotOf(sequence)]!
    for (const [start, end] of this.runs(sequence, { duplicates: true })) {
      for (let index = start; index < end; index++) this.ids.delete(project, ids, index * 16)
    }
  }

  drop(upTo: number): void {
    this.sums.dropped = this.droppedBy(upTo)
    this.#droppedUpTo = Math.max(this.#droppedUpTo, upTo)
    for (const number of this.#blocks.keys()) if ((number + 1) * BLOCK_RECORDS <= upTo) this.#blocks.delete(number)
  }

  #block(sequence: number): IndexBlock {
    const number = Math.floor((sequence - 1) / BLOCK_RECORDS)
    let block = this.#blocks.get(number)
    if (block === undefined) this.#blocks.set(number, (block = new IndexBlock()))
    return block
  }
}
