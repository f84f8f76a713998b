import type { ByProject } from "../../event/Event.ts"
import { Tally } from "../Tally.ts"
import { type Range, RangeSet } from "./ranges.ts"
import type { Checkpoint, Label, LedgerRecord, LostRecord, SettledMessage, StreamRecord } from "./record.ts"
import { Watch } from "./Watch.ts"

/** Of a message that is not settled. */
interface Open {
  project_id: string
  readonly dead: RangeSet
  releases: number
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
  #watch: Watch | undefined
  /** Sequences of the last record of a loss, and of a stream, that counted. */
  lostAt = 0
  followedAt = 0

  constructor(from?: Checkpoint) {
    this.upTo = from?.upTo ?? 0
    this.#settled = new RangeSet(from?.settled)
    this.#accepted = new Tally(from?.accepted)
    this.#replayed = new Tally(from?.replayed)
    this.#dead = new Tally(from?.deadLettered)
    this.#open = new Map(
      from?.open.map(({ dead, position, ...rest }) => [position, { ...rest, dead: new RangeSet(dead) }])
    )
    this.#watch = from?.watch === undefined ? undefined : new Watch(from.watch)
  }

  /** Of settled and lost messages. */
  get accepted(): ByProject {
    return this.#accepted.toRecord()
  }
  get replayed(): ByProject {
    return this.#replayed.toRecord()
  }
  get deadLettered(): ByProject {
    return this.#dead.toRecord()
  }
  get settledRanges(): ReadonlyArray<Range> {
    return this.#settled.ranges
  }

  /** Undefined until the first process that counts what is lost has opened the queue. */
  get watch(): Watch | undefined {
    return this.#watch
  }
  /** The highest position that the ledger knows of. */
  get last(): number {
    return Math.max(0, (this.#settled.ranges.at(-1)?.[1] ?? 1) - 1, this.#watch?.expected.last ?? 0)
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
    const before = this.upTo
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
        break
      case "Published":
        for (const { messages, ...run } of record.runs) {
          for (const [position, count] of messages) this.#published(position, { ...run, count })
        }
        break
      case "Lost":
        this.#lose(record)
        break
      case "Stream":
        if (record.upTo === before) this.#follow(record)
    }
  }

  #settle(message: SettledMessage): void {
    if (this.#settled.add(message.position, message.position + 1) === 0) return
    if (!this.#isCounted(message)) {
      this.#accepted.add(message.project_id, message.count)
      if (message.replay) this.#replayed.add(message.project_id, message.count)
    }
    this.#open.delete(message.position)
    this.#recent.set(message.position, message)
    for (const position of this.#recent.keys()) {
      if (this.#recent.size <= RECENT) break
      this.#recent.delete(position)
    }
  }

  #isCounted({ held, position, ...label }: SettledMessage): boolean {
    const options = { dead: this.dead(position).size, accepted: this.#accepted }
    return this.#watch?.settled(position, { ...label, count: held ?? label.count }, options) ?? false
  }

  #published(position: number, label: Label): void {
    // Settled: its count is known, and it was told to the watch by that.
    if (!this.isSettled(position)) {
      this.#watch?.published(position, label, { accepted: this.#accepted, replayed: this.#replayed })
    }
  }

  #lose(record: LostRecord): void {
    if (this.#watch?.applies(record, this.#settled) !== true) return
    const dead = (position: number) => this.dead(position).size
    this.#watch.lose(record, { accepted: this.#accepted, replayed: this.#replayed, dead })
    this.lostAt = this.upTo
  }

  #follow({ begin, numbering }: StreamRecord): void {
    this.followedAt = this.upTo
    if (this.#watch !== undefined) this.#watch.numbering = numbering
    else if (begin !== undefined) {
      this.#watch = Watch.begin(numbering, begin.expected)
      for (const [start, end] of begin.holes) this.#settled.add(start, end)
    }
  }

  #bury(position: number, project_id: string, ranges: ReadonlyArray<Range>): void {
    const open = this.#opened(position)
    open.project_id = project_id
    for (const [start, end] of ranges) {
      const events = open.dead.add(start, end)
      this.#dead.add(project_id, events)
      this.#watch?.buried(position, project_id, events)
    }
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
      open: [...this.#open].map(([position, open]) => ({ ...open, position, dead: open.dead.ranges })),
      ...(this.#watch === undefined ? {} : { watch: this.#watch.toState() })
    }
  }
}
