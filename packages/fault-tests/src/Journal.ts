import { KILLER, POISON } from "./HarmfulEvents.ts"

/** Of one event, as its client sees it. */
interface Sent {
  readonly event_id: string
  readonly type: string
  /** `performance.now()` at its first 202; `undefined`: never answered so. */
  acknowledgedAt: number | undefined
}

/** What was sent and what was answered: the oracle's side of the story. */
export class Journal {
  readonly #events = new Map<string, Sent>()
  readonly #batches: Array<ReadonlyArray<string>> = []
  /** Answers by status; 0 is none at all. */
  readonly answers = new Map<number, number>()

  /** Writes a new batch down before it is sent. */
  open(events: ReadonlyArray<{ readonly event_id: string; readonly type: string }>): ReadonlyArray<string> {
    for (const { event_id, type } of events) this.#events.set(event_id, { event_id, type, acknowledgedAt: undefined })
    const ids = events.map(({ event_id }) => event_id)
    this.#batches.push(ids)
    return ids
  }

  answered(ids: ReadonlyArray<string>, status: number): void {
    this.answers.set(status, (this.answers.get(status) ?? 0) + 1)
    if (status !== 202) return
    for (const id of ids) this.#events.get(id)!.acknowledgedAt ??= performance.now()
  }

  get(id: string): Sent | undefined {
    return this.#events.get(id)
  }

  get batches(): ReadonlyArray<ReadonlyArray<string>> {
    return this.#batches
  }

  get sent(): number {
    return this.#events.size
  }

  get acknowledged(): ReadonlyArray<Sent> {
    return [...this.#events.values()].filter(({ acknowledgedAt }) => acknowledgedAt !== undefined)
  }
}

export const isHarmful = ({ type }: Sent): boolean => type === POISON || type === KILLER
