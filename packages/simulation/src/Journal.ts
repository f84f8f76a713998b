import type { Event, EventBatch, Page } from "@millrace/core"

/** What became of one event that was sent. */
interface Sent {
  readonly event_id: string
  readonly project_id: string
  readonly user_id: string
  acknowledged: boolean
  /** A page that held it was loaded. */
  loaded: boolean
}

const numberOf = (event: Event): number => Number(/"number":(\d+)/u.exec(event.properties)?.[1])

const placeOf = ({ event_id, project_id }: Pick<Event, "event_id" | "project_id">) => `${project_id}/${event_id}`

/** What the outside world knows of all lives, and what it finds wrong. */
export class Journal {
  readonly findings: Array<string> = []
  readonly #sent = new Map<number, Sent>()
  readonly #loadedIds = new Set<string>()
  readonly #purged = new Set<string>()
  readonly #replayed = new Set<number>()
  readonly keys = new Map<string, "made" | "revoked">()
  /** Users whose erasure has begun: nothing more is sent of them. */
  readonly erasing = new Set<string>()
  /** Users whose erasure was acknowledged. */
  readonly erased = new Set<string>()
  /** Of acknowledged events and replays, by project: no ledger may ever say less. */
  readonly accepted = new Map<string, number>()
  acknowledged = 0

  find(finding: string): void {
    this.findings.push(finding)
  }

  /** Users who were sent and are to be erased. */
  get leaving(): ReadonlyArray<string> {
    const users = new Set([...this.#sent.values()].map(({ user_id }) => user_id))
    return [...users].filter((user_id) => user_id !== "stays" && !this.erased.has(user_id))
  }

  sends(events: ReadonlyArray<Event>): void {
    for (const event of events) {
      const { event_id, project_id, user_id } = event
      this.#sent.set(numberOf(event), { event_id, project_id, user_id, acknowledged: false, loaded: false })
    }
  }

  acknowledges(events: ReadonlyArray<Event>): void {
    for (const event of events) {
      this.#sent.get(numberOf(event))!.acknowledged = true
      this.acknowledged++
      this.accepts(event.project_id, 1)
    }
  }

  accepts(project_id: string, events: number): void {
    this.accepted.set(project_id, (this.accepted.get(project_id) ?? 0) + events)
  }

  purges(events: ReadonlyArray<Event>): void {
    for (const event of events) this.#purged.add(placeOf(event))
  }

  /** From now on it may lie in the log twice: a replay that a crash cut short is repeated. */
  replays(events: ReadonlyArray<Event>): void {
    for (const event of events) this.#replayed.add(numberOf(event))
  }

  /** Whoever was given a page's cursor is never given what lies in that page again, by queue or store. */
  delivers(batches: ReadonlyArray<EventBatch>, by: string): void {
    for (const event of batches.flatMap((batch) => batch.events)) {
      const sent = this.#sentOf(event)
      if (sent?.loaded === true && !this.#replayed.has(numberOf(event)))
        this.find(`${event.event_id} is delivered by the ${by} though it was loaded`)
    }
  }

  loads({ batches }: Pick<Page, "batches">): void {
    this.delivers(batches, "store")
    for (const event of batches.flatMap((batch) => batch.events)) {
      const sent = this.#sentOf(event)
      if (sent !== undefined) sent.loaded = true
      this.#loadedIds.add(placeOf(event))
    }
  }

  #sentOf(event: Event): Sent | undefined {
    // An erased event has no properties any more.
    if (!event.properties.includes('"number"')) return undefined
    const sent = this.#sent.get(numberOf(event))
    if (this.erased.has(event.user_id)) this.find(`${event.event_id} of ${event.user_id} is there, who was erased`)
    if (sent?.event_id !== event.event_id) this.find(`${event.event_id} was never sent`)
    return sent
  }

  /** Once nothing is under way: everything acknowledged is loaded, or set aside. */
  settle(letters: ReadonlyArray<Event>): void {
    const aside = new Set(letters.map(placeOf))
    // The second of two with one id, too: it was a duplicate of what was erased.
    const left = new Set([...this.#sent.values()].filter(({ user_id }) => this.erasing.has(user_id)).map(placeOf))
    const isAccountedFor = (sent: Sent) =>
      [this.#loadedIds, aside, this.#purged, left].some((place) => place.has(placeOf(sent)))
    const lost = [...this.#sent.values()].filter((sent) => sent.acknowledged && !isAccountedFor(sent))
    if (lost.length > 0) this.find(`${lost.length} acknowledged events are lost: ${lost[0]!.event_id} …`)
  }
}
