import { Deferred, Exit } from "effect"
import type { ByProject } from "../event/Event.ts"
import { EventBatch, type Origin } from "../event/EventBatch.ts"
import { type Erasure, Tombstones, type UserHash } from "../event/Tombstones.ts"
import type { Erased } from "../event/Erased.ts"
import { Tally } from "../kit/Tally.ts"
import { QueueMeter } from "../port/QueueObserver.ts"
import type { DeadLetter, DeadLetterSelection } from "../port/DeadLetters.ts"
import type { DeadLetterReason } from "../port/EventQueue.ts"
import type { Unsettled } from "../port/Ledger.ts"

export interface MemoryQueueOptions {
  /** Waiting events; a publish beyond it fails with `QueueFull`. */
  readonly capacity: number
  readonly maxAttempts: number
  /** Doubles with each attempt. */
  readonly backoffMillis: number
}

export interface Message {
  batch: EventBatch
  failures: number
  leased: boolean
  /** Clock milliseconds: end of the lease, or of the backoff. */
  availableAt: number
  /** Indexes of events already set aside. */
  readonly dead: Set<number>
}

/** Has had its attempts. */
export interface Exhausted {
  readonly message: Message
  readonly why: string
}

/** A name for each user that says nothing about the id; it lasts as long as the process. */
export const opaqueNames = (): UserHash => {
  const names = new Map<string, string>()
  return (project_id, user_id) => {
    const key = JSON.stringify([project_id, user_id])
    const known = names.get(key) ?? crypto.randomUUID()
    names.set(key, known)
    return known
  }
}

/** What {@link MemoryQueue} is made of: plain data and synchronous steps, so that each step is atomic. */
export class QueueState {
  readonly tombstones = new Tombstones(opaqueNames())
  readonly messages = new Map<number, Message>()
  readonly accepted = new Tally()
  readonly deadLettered = new Tally()
  readonly replayed = new Tally()
  readonly meter = new QueueMeter()
  letters: ReadonlyArray<DeadLetter> = []
  readonly #options: MemoryQueueOptions
  readonly #log = "memory"
  #signal = Deferred.makeUnsafe<void>()
  #lastPosition = 0
  #lastLetter = 0
  readonly #exhausted: Array<Exhausted> = []

  constructor(options: MemoryQueueOptions) {
    this.#options = options
  }

  get waitingEvents(): number {
    let events = 0
    for (const message of this.messages.values()) events += message.batch.count - message.dead.size
    return events
  }

  get waiting(): ByProject {
    const tally = new Tally()
    for (const { batch, dead } of this.messages.values()) tally.add(batch.project_id, batch.count - dead.size)
    return tally.toRecord()
  }

  get unsettled(): Unsettled {
    const open = [...this.messages.keys()].map((position) => [position, position + 1] as const)
    return { log: this.#log, positions: [...open, [this.#lastPosition + 1, Number.MAX_SAFE_INTEGER]] }
  }

  /** Returns false when the queue is full. */
  publish(batch: EventBatch): boolean {
    if (this.waitingEvents + batch.count > this.#options.capacity) return false
    const origin: Origin = { log: this.#log, position: ++this.#lastPosition, offset: 0 }
    const logged = EventBatch.fromEvents(batch.events, origin).withTraces(batch.traces)
    this.messages.set(origin.position, { batch: logged, failures: 0, leased: false, availableAt: 0, dead: new Set() })
    this.accepted.add(batch.project_id, batch.count)
    this.#wake()
    return true
  }

  /** Resolves when something may have become available. */
  get changed(): Deferred.Deferred<void> {
    return this.#signal
  }

  #wake() {
    const signal = this.#signal
    this.#signal = Deferred.makeUnsafe<void>()
    Deferred.doneUnsafe(signal, Exit.void)
  }

  lease(limit: number, now: number, until: number): ReadonlyArray<Message> {
    const leased: Array<Message> = []
    let events = 0
    for (const message of this.messages.values()) {
      if (message.leased && message.availableAt <= now) this.fail(message, now, "the lease ran out")
      if (message.availableAt > now || !this.#holds(message)) continue
      if (leased.length > 0 && events + message.batch.count > limit) break
      message.leased = true
      message.availableAt = until
      leased.push(message)
      events += message.batch.count
    }
    return leased
  }

  /** Clock milliseconds at which something waits for a lease or a backoff to end; infinite when nothing does. */
  get nextAvailableAt(): number {
    let next = Number.POSITIVE_INFINITY
    for (const message of this.messages.values()) next = Math.min(next, message.availableAt)
    return next
  }

  #holds(message: Message): boolean {
    return this.messages.get(message.batch.origin!.position) === message
  }

  ack(message: Message) {
    this.messages.delete(message.batch.origin!.position)
  }

  /** Back at once; not an attempt. */
  release(message: Message) {
    message.leased = false
    message.availableAt = 0
    this.#wake()
  }

  fail(message: Message, now: number, why: string) {
    if (!this.#holds(message)) return
    message.leased = false
    message.failures++
    if (message.failures < this.#options.maxAttempts) {
      message.availableAt = now + this.#options.backoffMillis * 2 ** (message.failures - 1)
      this.#wake()
      return
    }
    // Not to be delivered until it is buried, or that has failed.
    message.availableAt = Number.POSITIVE_INFINITY
    this.#exhausted.push({ message, why })
  }

  /** To be failed once more, at the last attempt. */
  postpone(message: Message, availableAt: number) {
    message.failures = this.#options.maxAttempts - 1
    message.availableAt = availableAt
  }

  takeExhausted(): ReadonlyArray<Exhausted> {
    return this.#exhausted.splice(0)
  }

  deadLetter(batch: EventBatch, reason: DeadLetterReason, now: number) {
    const { offset, position } = batch.origin ?? { offset: 0, position: -1 }
    const message = this.messages.get(position)
    const letters: Array<DeadLetter> = []
    batch.events.forEach((event, index) => {
      if (message?.dead.has(offset + index)) return
      message?.dead.add(offset + index)
      letters.push({ id: String(++this.#lastLetter).padStart(12, "0"), event, reason, failed_at: now * 1000 })
    })
    this.letters = [...this.letters, ...letters]
    this.deadLettered.add(batch.project_id, letters.length)
    this.meter.deadLettered(reason.code, letters.length)
  }

  /** Shells where the user's events wait, and their letters off the list. */
  erase(erasure: Erasure): ReadonlyArray<Erased> {
    this.tombstones.add(erasure)
    let waiting = 0
    for (const message of this.messages.values()) {
      waiting += message.batch.events.filter((event) => this.tombstones.covers(event)).length
      message.batch = this.tombstones.veil(message.batch)
    }
    const letters = this.letters.filter(({ event }) => this.tombstones.covers(event))
    this.takeLetters(letters.map(({ id }) => id))
    return [
      { place: "queue", events: waiting },
      { place: "dead_letters", events: letters.length }
    ]
  }

  /** Takes letters off the list. */
  takeLetters(selection: DeadLetterSelection): ReadonlyArray<DeadLetter> {
    const chosen = new Set(selection)
    const picked = (letter: DeadLetter) => selection === "all" || chosen.has(letter.id)
    const taken = this.letters.filter(picked)
    this.letters = this.letters.filter((letter) => !picked(letter))
    return taken
  }
}
