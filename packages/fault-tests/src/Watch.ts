import { setTimeout as sleep } from "node:timers/promises"
import { isHarmful, type Journal } from "./Journal.ts"
import type { Reader } from "./Reader.ts"
import { DAY } from "./Traffic.ts"

const EVERY_MILLIS = 150

/** Observes while everything happens: what must hold at all times is asked for at many. */
export class Watch {
  readonly #reader: Reader
  readonly #journal: Journal
  readonly #loses: boolean
  #accepted = 0
  readonly #findings: Set<string> = new Set()
  #over = false
  #work: Promise<void> = Promise.resolve()
  /** Answers that were held against the journal. */
  observations = 0

  /** `loses`: not every acknowledged event is counted in the end. */
  constructor(reader: Reader, { journal, loses }: { readonly journal: Journal; readonly loses: boolean }) {
    this.#reader = reader
    this.#journal = journal
    this.#loses = loses
  }

  start(): void {
    this.#work = this.#observe()
  }

  async end(): Promise<ReadonlyArray<string>> {
    this.#over = true
    await this.#work
    return [...this.#findings]
  }

  async #observe(): Promise<void> {
    while (!this.#over) {
      await this.#checkLedger()
      await this.#checkAnswer()
      await sleep(EVERY_MILLIS)
    }
  }

  async #checkLedger(): Promise<void> {
    const entry = await this.#reader.ledger()
    if (entry === undefined) return
    this.observations++
    if (entry.accepted < this.#accepted) this.#findings.add(`accepted fell from ${this.#accepted} to ${entry.accepted}`)
    this.#accepted = entry.accepted
    if (!this.#loses && entry.lost !== 0) this.#findings.add(`lost while it ran: ledger ${JSON.stringify(entry)}`)
    if (entry.difference !== 0) this.#findings.add(`while it ran: ledger ${JSON.stringify(entry)}`)
  }

  /** What was acknowledged before `as_of` is in the answer, unless it is harmful and may be among the dead letters. */
  async #checkAnswer(): Promise<void> {
    const counted = await this.#reader.counted(DAY)
    if (counted === undefined) return
    this.observations++
    const asOf = counted.asOf - performance.timeOrigin
    const due = this.#journal.acknowledged.filter((sent) => !isHarmful(sent) && sent.acknowledgedAt! < asOf)
    if (!this.#loses && counted.users < due.length) {
      this.#findings.add(`while it ran: ${counted.users} counted of ${due.length} acknowledged before as_of`)
    }
    if (counted.events !== counted.users) {
      this.#findings.add(`while it ran: ${counted.events} events of ${counted.users} users: counted twice`)
    }
  }
}
