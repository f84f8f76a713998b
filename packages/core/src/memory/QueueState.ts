import { Deferred, Exit } from "effect"
import type { ByProject } from "../event/Event.ts"
import { EventBatch, type Origin } from "../event/EventBatch.ts"
import { type Erasure, Tombstones, type UserHash } from "../event/Tombstones.ts"
import type { Erased } from "../event/Erased.ts"
import { type AttemptLimits, lastAlone } from "../kit/settle.ts"
import { Tally } from "../kit/Tally.ts"
import { QueueMeter } from "../port/QueueObserver.ts"
import type { DeadLetter, DeadLetterSelection } from "../port/DeadLetters.ts"
import type { DeadLetterReason } from "../port/EventQueue.ts"
import type { InFlight } from "../port/Ledger.ts"

export interface MemoryQueueOptions extends AttemptLimits {
  /** Waiting events; a publish beyond it fails with `QueueFull`. */
  readonly capacity: number
}

export interface Message {
  batch: EventBatch
  /** Of its present delivery, or of its next. */
  attempt: number
  /** Clock milliseconds; infinite while it is leased, or set aside. */
  availableAt: number
  /** Indexes of events already set aside. */
  readonly dead: Set<number>
}

/** Messages of one delivery. */
export interface LeasedMessages {
  readonly messages: ReadonlyArray<Message>
  /** Clock milliseconds. */
  readonly deadline: number
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
  readonly options: MemoryQueueOptions
  readonly #log = "memory"
  #signal = Deferred.makeUnsafe<void>()
  #lastPosition = 0
  #lastLetter = 0
  readonly #leases = new Set<LeasedMessages>()

  constructor(options: MemoryQueueOptions) {
    this.options = options
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

  get inFlight(): InFlight {
    const open = [...this.messages.keys()].map((position) => [position, position + 1] as const)
    return { log: this.#log, positions: [...open, [this.#lastPosition + 1, Number.MAX_SAFE_INTEGER]] }
  }

  /** Returns false when the queue is full. */
  publish(batch: EventBatch): boolean {
    if (this.waitingEvents + batch.count > this.options.capacity) return false
    const origin: Origin = { log: this.#log, position: ++this.#lastPosition, offset: 0 }
    const logged = EventBatch.fromEvents(batch.events, origin).withTraces(batch.traces)
    this.messages.set(origin.position, { batch: logged, attempt: 1, availableAt: 0, dead: new Set() })
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

  /** `undefined` when there is none to be delivered. */
  lease(limit: number, now: number, deadline: number): LeasedMessages | undefined {
    const available: Array<Message> = []
    let events = 0
    for (const message of this.messages.values()) {
      if (message.availableAt > now) continue
      if (available.length > 0 && events + message.batch.count > limit) break
      available.push(message)
      events += message.batch.count
    }
    if (available.length === 0) return undefined
    const leased = { messages: lastAlone(available, this.options), deadline }
    for (const message of leased.messages) message.availableAt = Number.POSITIVE_INFINITY
    this.#leases.add(leased)
    return leased
  }

  /** Leases whose time is over; they go on until they are ended. */
  expired(now: number): ReadonlyArray<LeasedMessages> {
    return [...this.#leases].filter(({ deadline }) => deadline <= now)
  }

  /** Returns whether it was held: its messages are the caller's to acknowledge, to bury or to let wait. */
  end(leased: LeasedMessages): boolean {
    return this.#leases.delete(leased)
  }

  /** Clock milliseconds at which a lease or a backoff ends; infinite when nothing does. */
  get nextAvailableAt(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { deadline } of this.#leases) next = Math.min(next, deadline)
    for (const { availableAt } of this.messages.values()) next = Math.min(next, availableAt)
    return next
  }

  /** Not acknowledged. */
  holds(message: Message): boolean {
    return this.messages.get(message.batch.origin!.position) === message
  }

  ack(message: Message) {
    this.messages.delete(message.batch.origin!.position)
  }

  /** For its next delivery. */
  wait(message: Message, availableAt: number) {
    message.availableAt = availableAt
    this.#wake()
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

  /** Redacted events where the user's events wait, and their letters off the list. */
  erase(erasure: Erasure): ReadonlyArray<Erased> {
    this.tombstones.add(erasure)
    let waiting = 0
    for (const message of this.messages.values()) {
      waiting += message.batch.events.filter((event) => this.tombstones.isErased(event)).length
      message.batch = this.tombstones.hideErased(message.batch)
    }
    const letters = this.letters.filter(({ event }) => this.tombstones.isErased(event))
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
