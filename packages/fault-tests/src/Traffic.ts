import { setTimeout as sleep } from "node:timers/promises"
import type { Journal } from "./Journal.ts"
import { type Random, randomOf } from "@millrace/test-services"
import { KILLER, POISON } from "./HarmfulEvents.ts"
import type { Schedule } from "./Schedule.ts"

const CLIENTS = 4
const MAX_EVENTS = 40
const ANSWER_WITHIN_MILLIS = 8_000
const RESENT_WITHIN_MILLIS = 120_000
/** Of one event while the stream is to be filled. */
const LARGE_BYTES = 4_000

export const DAY = "2026-01-31"

/** Clients that send, send again what was not answered, and send again what was: whole, in part, in another order. */
export class Traffic {
  readonly #url: string
  readonly #schedule: Schedule
  readonly #journal: Journal
  #over = false
  #large = false
  #killers = 0
  #clients: ReadonlyArray<Promise<void>> = []

  constructor(url: string, schedule: Schedule, journal: Journal) {
    this.#url = url
    this.#schedule = schedule
    this.#journal = journal
    this.#killers = schedule.killer ? 1 : 0
  }

  start(): void {
    this.#clients = Array.from({ length: CLIENTS }, (_, index) =>
      this.#client(randomOf(this.#schedule.seed * CLIENTS + index))
    )
  }

  set large(large: boolean) {
    this.#large = large
  }

  /** No new events; returns when everything that was sent has been answered with 202. */
  async end(): Promise<void> {
    this.#over = true
    await Promise.all(this.#clients)
  }

  async #client(random: Random): Promise<void> {
    while (!this.#over) {
      const again = this.#journal.batches.length > 0 && random.chance(0.2)
      const ids = again ? this.#shuffled(random) : this.#fresh(random)
      await this.#deliver(ids)
      await sleep(this.#large ? 0 : random.between(5, 30))
    }
  }

  /** Of two batches that were sent before, some events, in another order. */
  #shuffled(random: Random): ReadonlyArray<string> {
    const ids = [...random.pick(this.#journal.batches), ...random.pick(this.#journal.batches)]
    return random.shuffle([...new Set(ids)]).slice(0, random.between(1, MAX_EVENTS))
  }

  #fresh(random: Random): ReadonlyArray<string> {
    const count = random.chance(0.2) ? 1 : random.between(1, MAX_EVENTS)
    return this.#journal.open(
      Array.from({ length: count }, () => ({ event_id: random.uuid(), type: this.#typeOf(random) }))
    )
  }

  #typeOf(random: Random): string {
    if (this.#killers > 0 && random.chance(0.01)) {
      this.#killers--
      return KILLER
    }
    return this.#schedule.poison && random.chance(0.002) ? POISON : "visit"
  }

  /** What is not answered with 202 is sent again with the same ids. */
  async #deliver(ids: ReadonlyArray<string>): Promise<void> {
    const until = performance.now() + RESENT_WITHIN_MILLIS
    const body = JSON.stringify(ids.map((id) => this.#eventOf(id)))
    while (true) {
      const status = await this.#post(body)
      this.#journal.answered(ids, status)
      if (status === 202) return
      if (status !== 0 && status !== 503) throw new Error(`a valid batch was answered with ${status}`)
      if (performance.now() > until) throw new Error(`a batch was refused for ${RESENT_WITHIN_MILLIS} ms: ${status}`)
      await sleep(50)
    }
  }

  async #post(body: string): Promise<number> {
    try {
      const answer = await fetch(`${this.#url}/events`, {
        method: "POST",
        body,
        headers: { "content-type": "application/json" },
        signal: AbortSignal.timeout(ANSWER_WITHIN_MILLIS)
      })
      await answer.arrayBuffer()
      return answer.status
    } catch {
      return 0
    }
  }

  /** Every event has a user of its own: users count identities. */
  #eventOf(event_id: string): Record<string, unknown> {
    return {
      event_id,
      occurred_at: `${DAY}T12:00:00Z`,
      user_id: event_id,
      event_type: this.#journal.get(event_id)!.type,
      properties: this.#large ? { text: "x".repeat(LARGE_BYTES) } : { page: "/" }
    }
  }
}
