import type { Event } from "./Event.ts"
import { EventBatch } from "./EventBatch.ts"
import { anonymousIdIn, IDENTIFY } from "./Identities.ts"
import { isRedacted, redact, redactBytes, type RedactedBatch } from "./redact.ts"

/** One user of one project, by every id, and how far back the erasure reaches. */
export interface Erasure {
  readonly project_id: string
  /** The one that was named, and all that were merged into it. */
  readonly user_ids: ReadonlyArray<string>
  /** UTC microseconds: what occurred or was accepted at or before this instant goes, and never comes back. */
  readonly until: number
}

/** What is kept of an erased user. */
export interface Tombstone {
  /** Of project and user, by a {@link UserHash}. */
  readonly hash: string
  /** As {@link Erasure}'s. */
  readonly until: number
}

/** Hides the id: a keyed hash, of one key for as long as its tombstones. */
export type UserHash = (project_id: string, user_id: string) => string

/** The fields that decide. */
export type Covered = Pick<
  Event,
  "project_id" | "user_id" | "event_type" | "properties" | "occurred_at" | "received_at"
>

/**
 * Who was erased, and until when. An event that occurred or was accepted at or before the erasure is covered, whenever it
 * comes; what the user does later is another user's, as far as anyone can tell.
 */
export class Tombstones {
  readonly hash: UserHash
  readonly #until = new Map<string, number>()
  #newest = Number.NEGATIVE_INFINITY
  #changes = 0

  constructor(hash: UserHash, known: ReadonlyArray<Tombstone> = []) {
    this.hash = hash
    for (const tombstone of known) this.set(tombstone)
  }

  get size(): number {
    return this.#until.size
  }

  /** The latest `until`: most events are later, and then no hash is needed. */
  get newest(): number {
    return this.#newest
  }

  /** Goes up with every change. */
  get changes(): number {
    return this.#changes
  }

  get all(): ReadonlyArray<Tombstone> {
    return [...this.#until].map(([hash, until]) => ({ hash, until }))
  }

  /** A tombstone only ever grows. */
  set({ hash, until }: Tombstone): void {
    if ((this.#until.get(hash) ?? Number.NEGATIVE_INFINITY) >= until) return
    this.#until.set(hash, until)
    this.#newest = Math.max(this.#newest, until)
    this.#changes++
  }

  add({ project_id, until, user_ids }: Erasure): void {
    for (const user_id of user_ids) this.set({ hash: this.hash(project_id, user_id), until })
  }

  /** Whether nothing of it is new. */
  holds({ project_id, until, user_ids }: Erasure): boolean {
    return user_ids.every((user_id) => this.untilOf(project_id, user_id) >= until)
  }

  untilOf(project_id: string, user_id: string): number {
    return this.#until.get(this.hash(project_id, user_id)) ?? Number.NEGATIVE_INFINITY
  }

  /** Of an erased user, or naming one in an `$identify`. */
  isErased(event: Covered): boolean {
    const { event_type, occurred_at, project_id, properties, received_at, user_id } = event
    const since = Math.min(occurred_at, received_at)
    if (since > this.#newest || isRedacted(event)) return false
    if (since <= this.untilOf(project_id, user_id)) return true
    if (event_type !== IDENTIFY) return false
    const named = anonymousIdIn(properties)
    return named !== undefined && since <= this.untilOf(project_id, named)
  }

  hideErasedEvent<E extends Event>(event: E): E | Event {
    return this.isErased(event) ? redact(event) : event
  }

  /** The same batch where nothing in it is covered. */
  hideErased(batch: EventBatch): EventBatch {
    if (this.size === 0 || !batch.events.some((event) => this.isErased(event))) return batch
    return EventBatch.fromEvents(
      batch.events.map((event) => this.hideErasedEvent(event)),
      batch.origin
    ).withTraces(batch.traces)
  }

  /** {@link hideErased} byte for byte in place; `undefined` where nothing is covered. */
  hideErasedBytes(batch: EventBatch): RedactedBatch | undefined {
    if (this.size === 0) return undefined
    const { events } = batch
    const indexes = events.flatMap((event, index) => (this.isErased(event) ? [index] : []))
    return indexes.length === 0 ? undefined : redactBytes(batch.bytes, indexes, events)
  }
}
