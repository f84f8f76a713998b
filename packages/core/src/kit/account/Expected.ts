import type { ByProject } from "../../event/Event.ts"
import { Tally } from "../Tally.ts"
import type { Range } from "./ranges.ts"
import type { Label, Run } from "./record.ts"

/** Of the newest messages each is remembered; of the older ones their sum is. */
const EACH = 1_024

interface Entry extends Label {
  /** Not expected in the stream any more: settled, or lost. */
  readonly left: boolean
}

export interface ExpectedState {
  readonly front: number
  readonly sum: ByProject
  readonly replayed: ByProject
  readonly runs: ReadonlyArray<Run & { readonly left: boolean }>
}

/**
 * What the stream ought to hold, by what its publishers said that the server had taken: a count that does not come from the
 * stream. Up to `front` as a sum by project, beyond it message by message.
 */
export class Expected {
  #front: number
  readonly #sum: Tally
  readonly #replayed: Tally
  readonly #beyond = new Map<number, Entry>()
  #last: number
  readonly #each: number
  readonly #gaps: () => ReadonlyArray<Range>

  /** `gaps`: positions of which not all have a message. */
  constructor({ front, replayed, runs, sum }: ExpectedState, gaps: () => ReadonlyArray<Range> = () => [], each = EACH) {
    this.#gaps = gaps
    this.#front = this.#last = front
    this.#sum = new Tally(sum)
    this.#replayed = new Tally(replayed)
    this.#each = each
    for (const { left, messages, project_id, replay } of runs) {
      for (const [position, count] of messages) this.#set(position, { project_id, count, replay, left })
    }
  }

  get front(): number {
    return this.#front
  }
  /** The highest position that was ever told. */
  get last(): number {
    return this.#last
  }
  get sum(): ByProject {
    return this.#sum.toRecord()
  }
  get replayed(): ByProject {
    return this.#replayed.toRecord()
  }
  /** Beyond the front, messages that are still expected. */
  open(): ReadonlyArray<number> {
    return [...this.#beyond].flatMap(([position, { left }]) => (left ? [] : [position]))
  }
  /** Of a message beyond the front. */
  get(position: number): Label | undefined {
    return this.#beyond.get(position)
  }

  isKnown(position: number): boolean {
    return position <= this.#front || this.#beyond.has(position)
  }

  #set(position: number, entry: Entry): void {
    this.#beyond.set(position, entry)
    this.#last = Math.max(this.#last, position)
  }

  /** A message was published; `left`: and is gone already. Told again, it changes nothing. */
  published(position: number, label: Label, left: boolean): void {
    if (this.isKnown(position)) return
    const { count, project_id, replay } = label
    this.#set(position, { count, project_id, replay, left })
    this.#advance()
  }

  /** A message is settled or lost: no longer expected. */
  left(position: number, { count, project_id, replay }: Label): void {
    if (position > this.#front)
      this.#set(position, { ...(this.#beyond.get(position) ?? { count, project_id, replay }), left: true })
    else {
      this.#sum.add(project_id, -count)
      if (replay) this.#replayed.add(project_id, -count)
    }
    this.#advance()
  }

  /** So many events of messages up to the front are lost. */
  leftBelow(sum: ByProject, replayed: ByProject): void {
    this.#sum.addAll(sum, -1)
    this.#replayed.addAll(replayed, -1)
  }

  #advance(): void {
    while (this.#beyond.size > this.#each) {
      const entry = this.#beyond.get(this.#front + 1)
      const gap =
        entry === undefined
          ? this.#gaps().find(([start, end]) => start <= this.#front + 1 && this.#front + 1 < end)
          : undefined
      if (gap !== undefined) {
        this.#front = this.#nextIn(gap) - 1
        continue
      }
      // Its publisher has still to tell of it, or died before it could: then the sweep does.
      if (entry === undefined) return
      this.#beyond.delete(++this.#front)
      if (entry.left) continue
      this.#sum.add(entry.project_id, entry.count)
      if (entry.replay) this.#replayed.add(entry.project_id, entry.count)
    }
  }

  /** The next position of the gap that somebody has told of, or its end. */
  #nextIn([, end]: Range): number {
    let next = end
    for (const position of this.#beyond.keys()) if (position > this.#front && position < next) next = position
    return next
  }

  toState(): ExpectedState {
    return { front: this.#front, sum: this.sum, replayed: this.replayed, runs: runsOf(this.#beyond) }
  }
}

/** Grouped, so that a message costs a few bytes. */
export const runsOf = <A extends Label & { readonly left?: boolean }>(
  messages: Iterable<readonly [position: number, message: A]>
): ReadonlyArray<Run & { readonly left: boolean }> => {
  const runs = new Map<string, Run & { readonly left: boolean; readonly messages: Array<readonly [number, number]> }>()
  for (const [position, { count, left = false, project_id, replay }] of messages) {
    const key = JSON.stringify([project_id, replay, left])
    const run = runs.get(key) ?? { project_id, replay, left, messages: [] }
    runs.set(key, run)
    run.messages.push([position, count])
  }
  return [...runs.values()]
}
