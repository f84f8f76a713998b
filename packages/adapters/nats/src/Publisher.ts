import { headers, type MsgHdrs } from "@nats-io/transport-node"
import { EventBatch, linesOfBytes, MAX_MESSAGE_BYTES } from "@millrace/core"
import type { Label } from "@millrace/core/account"
import { type Broker, isTimeout, NotConnected, PayloadTooLarge, PublisherFull, StreamChanged } from "./client.ts"
import { subjectOf } from "./subjects.ts"

/** Beyond this many messages on their way, further batches share one. */
const ALONE = 4
/** Batches that share a message; the same bound as for the parts of one request. */
const GROUP_BYTES = MAX_MESSAGE_BYTES
/** Of batches that wait to be sent. */
const MAX_PENDING_BYTES = 64 << 20

type Done = (error?: unknown) => void

interface Group {
  readonly batches: Array<EventBatch>
  readonly waiters: Array<Done>
  bytes: number
}

export interface PublisherOptions {
  readonly prefix: string
  readonly timeoutMillis: number
  readonly nextId: () => string
  /** Waited for before anything is sent. */
  readonly ready: () => Promise<void>
  readonly mark: () => Mark
  /** The server has a message, at this sequence. Returns whether that is a new place: one beyond the mark. */
  readonly taken: (sequence: number, label: Label, before: Mark) => Taken
}

/** How far the stream had come before a message was sent: its sequences' generation, and a position that was taken. */
export interface Mark {
  readonly generation: number
  readonly highest: number
}

export interface Taken {
  readonly position: number
  readonly isNew: boolean
}

/**
 * Sends batches. Under load those of one project that come together travel in one message: a message costs the server,
 * its disk and the worker far more than an event does.
 */
export class Publisher {
  readonly #broker: Broker
  readonly #prefix: string
  readonly #timeoutMillis: number
  readonly #nextId: () => string
  readonly #options: Pick<PublisherOptions, "ready" | "mark" | "taken">
  #highest = 0
  readonly #pending = new Map<string, Group>()
  #pendingBytes = 0
  #inFlight = 0

  constructor(broker: Broker, options: PublisherOptions) {
    this.#broker = broker
    this.#prefix = options.prefix
    this.#timeoutMillis = options.timeoutMillis
    this.#nextId = options.nextId
    this.#options = options
  }

  /** `done` without an error: the server has it. */
  publish(batch: EventBatch, done: Done): void {
    const bytes = batch.bytes.length
    const limit = this.#broker.maxPayloadBytes
    if (bytes > limit) done(new PayloadTooLarge(bytes, limit))
    else if (!this.#broker.connected) done(new NotConnected("no connection to the server"))
    else if (this.#inFlight < ALONE) this.#send({ batches: [batch], waiters: [done], bytes })
    else if (this.#pendingBytes + bytes > MAX_PENDING_BYTES) done(new PublisherFull("too much waits to be sent"))
    else this.#join(batch, bytes, done)
  }

  #join(batch: EventBatch, bytes: number, done: Done): void {
    const { project_id } = batch
    let group = this.#pending.get(project_id)
    if (group !== undefined && group.bytes + bytes > Math.min(GROUP_BYTES, this.#broker.maxPayloadBytes)) {
      this.#take(project_id, group)
      this.#send(group)
      group = undefined
    }
    if (group === undefined) this.#pending.set(project_id, (group = { batches: [], waiters: [], bytes: 0 }))
    group.batches.push(batch)
    group.waiters.push(done)
    group.bytes += bytes
    this.#pendingBytes += bytes
  }

  #take(project_id: string, group: Group): void {
    this.#pending.delete(project_id)
    this.#pendingBytes -= group.bytes
  }

  #send({ batches, waiters }: Group): void {
    this.#inFlight++
    const done = (error?: unknown) => {
      this.#inFlight--
      for (const [project_id, group] of this.#pending) {
        if (this.#inFlight >= ALONE) break
        this.#take(project_id, group)
        this.#send(group)
      }
      for (const waiter of waiters) waiter(error)
    }
    this.send(concat(batches), { replay: false, msgID: this.#nextId() }).then(
      () => done(),
      (cause: unknown) => done(cause)
    )
  }

  /** Sent again under the same id while no answer comes, so that the server takes it once. */
  async send(batch: EventBatch, options: Pick<Label, "replay"> & { readonly msgID: string }): Promise<void> {
    const label: Label = { project_id: batch.project_id, count: batch.count, replay: options.replay }
    const subject = subjectOf(this.#prefix, label)
    await this.#options.ready()
    const { generation, highest } = this.#options.mark()
    const before = { generation, highest: Math.max(highest, this.#highest) }
    const timeout = Math.ceil(this.#timeoutMillis / 2)
    const traced = batch.traces.length === 0 ? {} : { headers: traceHeaders(batch.traces) }
    const attempt = () => this.#broker.publish(subject, batch.bytes, { ...traced, msgID: options.msgID, timeout })
    const { duplicate, seq } = await attempt().catch((first: unknown) => {
      if (!isTimeout(first)) throw first
      // Whatever the second one's failure says: the first may have been written.
      return attempt().catch(() => Promise.reject(first))
    })
    const { isNew, position } = this.#options.taken(seq, label, duplicate ? { generation, highest: 0 } : before)
    this.#highest = Math.max(this.#highest, position)
    // Its place was another's: it would be taken for that one until the ledger follows the new stream.
    if (!isNew) throw new StreamChanged("the stream of events hands out sequences again")
  }
}

/** Once for each span whose events travel in the message; a worker that does not know the header passes over it. */
export const TRACEPARENT = "traceparent"
/** They share the room that is kept for headers. */
const TRACES_MAX = 8

const traceHeaders = (traces: ReadonlyArray<string>): MsgHdrs => {
  const made = headers()
  for (const trace of traces.slice(0, TRACES_MAX)) made.append(TRACEPARENT, trace)
  return made
}

const concat = (batches: ReadonlyArray<EventBatch>): EventBatch => {
  const [first] = batches
  if (batches.length === 1) return first!
  const header = {
    project_id: first!.project_id,
    count: batches.reduce((sum, { count }) => sum + count, 0),
    received_at: Math.min(...batches.map(({ received_at }) => received_at))
  }
  return EventBatch.fromParts(
    header,
    joined(batches.map(({ ids }) => ids)),
    joined(batches.map(({ bytes }) => linesOfBytes(bytes)))
  ).withTraces(batches.flatMap(({ traces }) => traces))
}

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
