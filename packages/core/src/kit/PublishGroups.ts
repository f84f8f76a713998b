import { EventBatch, MAX_MESSAGE_BYTES } from "../event/EventBatch.ts"

/** Beyond this many messages on their way, further batches share one. */
const ALONE = 4
/** Batches that share a message; the same bound as for the parts of one request. */
const GROUP_BYTES = MAX_MESSAGE_BYTES
/** Of batches that wait to be sent. */
const MAX_PENDING_BYTES = 64 << 20

type Done = (error?: unknown) => void

interface Group {
  readonly batches: [EventBatch, ...Array<EventBatch>]
  readonly waiters: Array<Done>
  bytes: number
}

export interface GroupedSend {
  /** Resolves once the engine has the message. */
  readonly send: (batch: EventBatch) => Promise<void>
  /** Of one message, as the engine takes it now. */
  readonly maxBytes: () => number
  /** What a batch is refused with when too much waits. */
  readonly full: () => unknown
}

/**
 * Groups batches that are published. Under load those of one project that come together travel in one message: a message
 * costs an engine, its disk and the worker far more than an event does.
 */
export class PublishGroups {
  readonly #options: GroupedSend
  readonly #pending = new Map<string, Group>()
  #pendingBytes = 0
  #inFlight = 0

  constructor(options: GroupedSend) {
    this.#options = options
  }

  /** `done` without an error: the engine has it. */
  publish(batch: EventBatch, done: Done): void {
    const bytes = batch.bytes.length
    if (this.#inFlight < ALONE) this.#send({ batches: [batch], waiters: [done], bytes })
    else if (this.#pendingBytes + bytes > MAX_PENDING_BYTES) done(this.#options.full())
    else this.#join(batch, bytes, done)
  }

  #join(batch: EventBatch, bytes: number, done: Done): void {
    const { project_id } = batch
    const group = this.#pending.get(project_id)
    this.#pendingBytes += bytes
    if (group !== undefined && group.bytes + bytes <= Math.min(GROUP_BYTES, this.#options.maxBytes())) {
      group.batches.push(batch)
      group.waiters.push(done)
      group.bytes += bytes
      return
    }
    if (group !== undefined) this.#sendPending(project_id, group)
    this.#pending.set(project_id, { batches: [batch], waiters: [done], bytes })
  }

  #sendPending(project_id: string, group: Group): void {
    this.#pending.delete(project_id)
    this.#pendingBytes -= group.bytes
    this.#send(group)
  }

  #send({ batches, waiters }: Group): void {
    this.#inFlight++
    const done = (error?: unknown) => {
      this.#inFlight--
      for (const [project_id, group] of this.#pending) {
        if (this.#inFlight >= ALONE) break
        this.#sendPending(project_id, group)
      }
      for (const waiter of waiters) waiter(error)
    }
    this.#options.send(EventBatch.join(batches)).then(
      () => done(),
      (cause: unknown) => done(cause)
    )
  }
}
