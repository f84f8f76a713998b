import { headers, type MsgHdrs } from "@nats-io/transport-node"
import { type EventBatch, PublishGroups } from "@millrace/core"
import type { Label } from "@millrace/core/account"
import type { Broker } from "./client.ts"
import { subjectOf } from "./subjects.ts"
import { isTimeout, NotConnected, PayloadTooLarge, PublisherFull, StreamChanged } from "./errors.ts"

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

/** Sends batches, several in one message under load. */
export class Publisher {
  readonly #broker: Broker
  readonly #options: PublisherOptions
  readonly #groups: PublishGroups
  #highest = 0

  constructor(broker: Broker, options: PublisherOptions) {
    this.#broker = broker
    this.#options = options
    this.#groups = new PublishGroups({
      send: (batch) => this.send(batch, { replay: false, msgID: options.nextId() }),
      maxBytes: () => broker.maxPayloadBytes,
      full: () => new PublisherFull("too much waits to be sent")
    })
  }

  /** `done` without an error: the server has it. */
  publish(batch: EventBatch, done: (error?: unknown) => void): void {
    const bytes = batch.bytes.length
    const limit = this.#broker.maxPayloadBytes
    if (bytes > limit) done(new PayloadTooLarge(bytes, limit))
    else if (!this.#broker.connected) done(new NotConnected("no connection to the server"))
    else this.#groups.publish(batch, done)
  }

  /** Sent again under the same id while no answer comes, so that the server takes it once. */
  async send(batch: EventBatch, options: Pick<Label, "replay"> & { readonly msgID: string }): Promise<void> {
    const label: Label = { project_id: batch.project_id, count: batch.count, replay: options.replay }
    const subject = subjectOf(this.#options.prefix, label)
    await this.#options.ready()
    const { generation, highest } = this.#options.mark()
    const before = { generation, highest: Math.max(highest, this.#highest) }
    const timeout = Math.ceil(this.#options.timeoutMillis / 2)
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
