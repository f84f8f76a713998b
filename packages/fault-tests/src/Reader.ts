import { setTimeout as sleep } from "node:timers/promises"
import type { Ledger } from "@millrace/core"

interface Letter {
  readonly id: string
  readonly event: { readonly event_id: string }
  readonly reason: { readonly stage: string; readonly code: string; readonly attempts: number }
}

const ANSWER_WITHIN_MILLIS = 8_000
const POLL_MILLIS = 100

/** Asks the owner of the warehouse; `undefined` is no answer, or 503. */
export class Reader {
  readonly #url: () => string

  constructor(url: () => string) {
    this.#url = url
  }

  async #ask<A>(path: string, init: RequestInit = {}): Promise<A | undefined> {
    try {
      const answer = await fetch(this.#url() + path, { ...init, signal: AbortSignal.timeout(ANSWER_WITHIN_MILLIS) })
      const text = await answer.text()
      return answer.ok ? (JSON.parse(text) as A) : undefined
    } catch {
      return undefined
    }
  }

  ledger(): Promise<Ledger | undefined> {
    return this.#ask("/ledger")
  }

  /** Once nothing is in flight and the difference is 0; the last one read when that does not come to be in time. */
  async settled(withinMillis: number): Promise<Ledger | undefined> {
    const until = performance.now() + withinMillis
    let last: Ledger | undefined
    while (performance.now() < until) {
      const entry = await this.ledger()
      last = entry ?? last
      if (entry?.in_flight === 0 && entry.difference === 0) return entry
      await sleep(POLL_MILLIS)
    }
    return last
  }

  /** Of one day, all event types together. */
  async counted(
    day: string
  ): Promise<{ readonly asOf: number; readonly events: number; readonly users: number } | undefined> {
    interface Answer {
      readonly as_of: string
      readonly rows: ReadonlyArray<{ readonly events: number; readonly users: number }>
    }
    const answer = await this.#ask<Answer>(`/stats/top-events?from=${day}&to=${day}&limit=1000`)
    if (answer === undefined) return undefined
    const sum = (of: (row: Answer["rows"][number]) => number) => answer.rows.reduce((total, row) => total + of(row), 0)
    return { asOf: Date.parse(answer.as_of), events: sum((row) => row.events), users: sum((row) => row.users) }
  }

  /** All of them; insists until it is answered. */
  async letters(): Promise<ReadonlyArray<Letter>> {
    interface Answer {
      readonly dead_letters: ReadonlyArray<Letter>
      readonly next: string | null
    }
    const letters: Array<Letter> = []
    for (let after: string | null = ""; after !== null;) {
      const query: string = after === "" ? "" : `&after=${after}`
      const page: Answer = await insist(() => this.#ask<Answer>(`/dead-letters?limit=1000${query}`))
      letters.push(...page.dead_letters)
      after = page.next
    }
    return letters
  }

  async replayAll(): Promise<number> {
    const { count } = await insist(() =>
      this.#ask<{ readonly count: number }>("/dead-letters/replay", {
        method: "POST",
        body: JSON.stringify({ ids: "all" }),
        headers: { "content-type": "application/json" }
      })
    )
    return count
  }
}

const INSIST_WITHIN_MILLIS = 60_000

const insist = async <A>(ask: () => Promise<A | undefined>): Promise<A> => {
  const until = performance.now() + INSIST_WITHIN_MILLIS
  while (true) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > until) throw new Error("no answer")
    await sleep(POLL_MILLIS)
  }
}
