import type { ByProject } from "../../event/Event.ts"
import { Tally } from "../Tally.ts"
import { Expected, type ExpectedState } from "./Expected.ts"
import type { Numbering } from "./Numbering.ts"
import { positionsIn, type Range, RangeSet } from "./ranges.ts"
import type { Checkpoint, Label, LostRecord } from "./record.ts"

/** Where a message is counted that is lost before anybody told what was in it: one event, of the first project there is. */
const GUESS: Label = { project_id: "default", count: 1, replay: false }

export type WatchState = NonNullable<Checkpoint["watch"]>

/** What was lost, and what is expected to be there. Part of {@link LedgerState}, whose tallies of accepted events it adds to. */
export class Watch {
  numbering: Numbering
  readonly expected: Expected
  readonly #gone: RangeSet
  readonly #guessed: Set<number>
  readonly #lost: Tally

  constructor({ expected, gone, guessed, lost, numbering }: WatchState) {
    this.numbering = numbering
    this.expected = new Expected(expected, () => this.numbering.gaps)
    this.#gone = new RangeSet(gone)
    this.#guessed = new Set(guessed)
    this.#lost = new Tally(lost)
  }

  static begin(numbering: Numbering, expected: ExpectedState): Watch {
    return new Watch({ numbering, expected, gone: [], guessed: [], lost: {} })
  }

  get lost(): ByProject {
    return this.#lost.toRecord()
  }
  get gone(): RangeSet {
    return this.#gone
  }

  /** Adds to `accepted` and `replayed` what a guess had left out. */
  published(position: number, label: Label, counted: { readonly accepted: Tally; readonly replayed: Tally }): void {
    if (this.#guessed.delete(position)) {
      counted.accepted.add(GUESS.project_id, -GUESS.count)
      this.#lost.add(GUESS.project_id, -GUESS.count)
      counted.accepted.add(label.project_id, label.count)
      this.#lost.add(label.project_id, label.count)
      if (label.replay) counted.replayed.add(label.project_id, label.count)
    }
    this.expected.published(position, label, this.#gone.has(position))
  }

  /**
   * A message was settled. Returns whether it was counted as accepted before, because it was held for lost: a worker had it, or
   * it came back.
   */
  settled(position: number, label: Label, options: { readonly dead: number; readonly accepted: Tally }): boolean {
    if (!this.#gone.delete(position)) {
      this.expected.left(position, label)
      return false
    }
    if (this.#guessed.delete(position)) {
      options.accepted.add(GUESS.project_id, -GUESS.count)
      this.#lost.add(GUESS.project_id, -GUESS.count)
      return false
    }
    this.#lost.add(label.project_id, options.dead - label.count)
    return true
  }

  /** Whether the record counts. */
  applies({ front, ranges }: LostRecord, settled: RangeSet): boolean {
    const isOpen = ([start, end]: Range) =>
      settled.within(start, end).length === 0 && this.#gone.within(start, end).length === 0
    return front === this.expected.front && ranges.every(isOpen)
  }

  lose(
    record: LostRecord,
    options: { readonly accepted: Tally; readonly replayed: Tally; readonly dead: (position: number) => number }
  ): void {
    const { expected } = this
    options.accepted.addAll(record.accepted)
    options.replayed.addAll(record.replayed)
    this.#lost.addAll(record.lost)
    expected.leftBelow(record.accepted, record.replayed)
    for (const [start, end] of record.ranges) this.#gone.add(start, end)
    // All of them first: the front may pass some on the way.
    const each = record.ranges.map(([start, end]): Range => [Math.max(start, record.front + 1), end])
    const known = Array.from(positionsIn(each), (position) => [position, expected.get(position)] as const)
    for (const [position, label = GUESS] of known) {
      if (label === GUESS) this.#guessed.add(position)
      options.accepted.add(label.project_id, label.count)
      if (label.replay) options.replayed.add(label.project_id, label.count)
      this.#lost.add(label.project_id, label.count - options.dead(position))
      expected.left(position, label)
    }
  }

  /** Events of a message are set aside: also by a worker that has it, while it is held for lost. */
  buried(position: number, project_id: string, events: number): void {
    if (this.#gone.has(position)) this.#lost.add(project_id, -events)
  }

  toState(): WatchState {
    return {
      numbering: this.numbering,
      expected: this.expected.toState(),
      gone: this.#gone.ranges,
      guessed: [...this.#guessed],
      lost: this.lost
    }
  }
}
