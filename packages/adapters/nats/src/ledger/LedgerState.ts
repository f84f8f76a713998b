import type { ByProject } from "@millrace/core"
import { type Range, RangeSet } from "../ranges.ts"
import type { Checkpoint, LedgerRecord, SettledMessage } from "./record.ts"

/** Of a message that is not settled. */
interface Open {
  project_id: string
  readonly dead: RangeSet
  releases: number
}

export class Tally {
  readonly #counts: Map<string, number>
  constructor(counts: ByProject = {}) {
    this.#counts = new Map(Object.entries(counts))
  }
  add(project: string, count: number): void {
    if (count !== 0) this.#counts.set(project, (this.#counts.get(project) ?? 0) + count)
  }
  addAll(other: ByProject): this {
    for (const [project, count] of Object.entries(other)) this.add(project, count)
    return this
  }
  get value(): ByProject {
    return Object.fromEntries(this.#counts)
  }
}

/** Settled messages may still lie in the stream for a moment; what they hold is remembered for that long. */
const RECENT = 4_096

/**
 * The fold over the ledger's records: plain data, the same in every process that has read as far. Every record may come
 * twice, so everything is decided by position: what is settled stays settled, what was dead before counts no more.
 */
export class LedgerState {
  /** Sequence of the last record that was folded. */
  upTo: number
  readonly #settled: RangeSet
  readonly #accepted: Tally
  readonly #replayed: Tally
  readonly #dead: Tally
  readonly #open: Map<number, Open>
  readonly #recent = new Map<number, SettledMessage>()

  constructor(from?: Checkpoint) {
    this.upTo = from?.upTo ?? 0
    this.#settled = new RangeSet(from?.settled)
    this.#accepted = new Tally(from?.accepted)
    this.#replayed = new Tally(from?.replayed)
    this.#dead = new Tally(from?.deadLettered)
    this.#open = new Map(
      from?.open.map(({ dead, position, ...rest }) => [position, { ...rest, dead: new RangeSet(dead) }])
    )
  }

  /** Of settled messages. */
  get accepted(): ByProject {
    return this.#accepted.value
  }
  get replayed(): ByProject {
    return this.#replayed.value
  }
  get deadLettered(): ByProject {
    return this.#dead.value
  }
  get settledRanges(): ReadonlyArray<Range> {
    return this.#settled.ranges
  }

  isSettled(position: number): boolean {
    return this.#settled.has(position)
  }
  releases(position: number): number {
    return this.#open.get(position)?.releases ?? 0
  }
  /** Indexes of the message's events that are dead letters. */
  dead(position: number): RangeSet {
    return this.#open.get(position)?.dead ?? new RangeSet()
  }
  /** Dead letters of messages that are not settled. */
  *deadWaiting(): Iterable<{ readonly position: number; readonly project_id: string; readonly events: number }> {
    for (const [position, { dead, project_id }] of this.#open) yield { position, project_id, events: dead.size }
  }
  recent(position: number): SettledMessage | undefined {
    return this.#recent.get(position)
  }

  apply(sequence: number, record: LedgerRecord): void {
    this.upTo = sequence
    switch (record._tag) {
      case "Settled":
        for (const message of record.messages) this.#settle(message)
        break
      case "Dead":
        // A worker whose lease ran out: the message was settled by another, and is accounted for.
        if (this.isSettled(record.position)) break
        this.#bury(record.position, record.project_id, record.ranges)
        break
      case "Released":
        for (const position of record.positions) if (!this.isSettled(position)) this.#opened(position).releases++
    }
  }

  #settle(message: SettledMessage): void {
    if (this.#settled.add(message.position, message.position + 1) === 0) return
    this.#accepted.add(message.project_id, message.count)
    if (message.replay) this.#replayed.add(message.project_id, message.count)
    this.#open.delete(message.position)
    this.#recent.set(message.position, message)
    for (const position of this.#recent.keys()) {
      if (this.#recent.size <= RECENT) break
      this.#recent.delete(position)
    }
  }

  #bury(position: number, project_id: string, ranges: ReadonlyArray<Range>): void {
    const open = this.#opened(position)
    open.project_id = project_id
    for (const [start, end] of ranges) this.#dead.add(project_id, open.dead.add(start, end))
  }

  #opened(position: number): Open {
    let open = this.#open.get(position)
    if (open === undefined) this.#open.set(position, (open = { project_id: "", dead: new RangeSet(), releases: 0 }))
    return open
  }

  toCheckpoint(): Checkpoint {
    return {
      upTo: this.upTo,
      settled: this.#settled.ranges,
      accepted: this.accepted,
      replayed: this.replayed,
      deadLettered: this.deadLettered,
      open: [...this.#open].map(([position, open]) => ({ ...open, position, dead: open.dead.ranges }))
    }
  }
}
