import type { Event } from "./Event.ts"
import {
  assembleBatch,
  decodeBatch,
  encodeBatch,
  idsOf,
  type BatchHeader,
  linesOfBytes,
  readHeader
} from "./batchCodec.ts"

/** Queue messages stay below this. */
export const MAX_MESSAGE_BYTES = 512 * 1024

/** Where a batch lies in the log it was taken from, so that a store on the same log need not write it again. */
export interface Origin {
  readonly log: string
  readonly position: number
  /** Index, within the logged batch, of this batch's first event. */
  readonly offset: number
}

/**
 * Events of one project that travel together: one queue message. Holds either the events or their encoded
 * bytes and makes the other on demand, because most stages need only one of the two.
 */
export class EventBatch {
  readonly project_id: string
  readonly count: number
  /** UTC microseconds of the earliest event's acceptance. */
  readonly received_at: number
  readonly origin: Origin | undefined
  /** W3C `traceparent` of each span that published it, as far as the queue carried them: never part of the encoded form. */
  readonly traces: ReadonlyArray<string>
  #events: ReadonlyArray<Event> | undefined
  #bytes: Uint8Array | undefined

  private constructor(
    header: BatchHeader,
    source: { readonly events?: ReadonlyArray<Event>; readonly bytes?: Uint8Array },
    origin: Origin | undefined,
    traces: ReadonlyArray<string> = []
  ) {
    this.project_id = header.project_id
    this.count = header.count
    this.received_at = header.received_at
    this.origin = origin
    this.traces = traces
    this.#events = source.events
    this.#bytes = source.bytes
  }

  /** All events must be of one project; at least one. */
  static fromEvents(events: ReadonlyArray<Event>, origin?: Origin): EventBatch {
    const first = events[0]
    if (first === undefined) throw new RangeError("a batch holds at least one event")
    let received_at = first.received_at
    for (const event of events) {
      if (event.project_id !== first.project_id) throw new RangeError("a batch holds events of one project")
      if (event.received_at < received_at) received_at = event.received_at
    }
    return new EventBatch({ project_id: first.project_id, count: events.length, received_at }, { events }, origin)
  }

  /** Reads the header only; throws `RangeError` on bytes that no version of this codec wrote. */
  static fromBytes(bytes: Uint8Array, origin?: Origin): EventBatch {
    return new EventBatch(readHeader(bytes), { bytes }, origin)
  }

  /** For a store that makes the encoded form itself: `ids` of 16 bytes each, `lines` as {@link linesOfBytes} gives them. */
  static fromParts(header: BatchHeader, ids: Uint8Array, lines: Uint8Array, origin?: Origin): EventBatch {
    return new EventBatch(header, { bytes: assembleBatch(header, ids, lines) }, origin)
  }

  /** Joins batches of one project, in order, without reading their events. */
  static join(batches: readonly [EventBatch, ...ReadonlyArray<EventBatch>]): EventBatch {
    const [first] = batches
    if (batches.length === 1) return first
    const header = {
      project_id: first.project_id,
      count: batches.reduce((sum, { count }) => sum + count, 0),
      received_at: Math.min(...batches.map(({ received_at }) => received_at))
    }
    return EventBatch.fromParts(
      header,
      joinBytes(batches.map(({ ids }) => ids)),
      joinBytes(batches.map(({ bytes }) => linesOfBytes(bytes)))
    ).withTraces(batches.flatMap(({ traces }) => traces))
  }

  /** Groups events by project, first seen first; order within a project is kept. */
  static group(events: ReadonlyArray<Event>): ReadonlyArray<EventBatch> {
    const groups = new Map<string, Array<Event>>()
    for (const event of events) {
      const group = groups.get(event.project_id)
      if (group === undefined) groups.set(event.project_id, [event])
      else group.push(event)
    }
    return [...groups.values()].map((group) => EventBatch.fromEvents(group))
  }

  /** The same events, from these spans. */
  withTraces(traces: ReadonlyArray<string>): EventBatch {
    if (traces.length === 0) return this
    const source = {
      ...(this.#events === undefined ? {} : { events: this.#events }),
      ...(this.#bytes === undefined ? {} : { bytes: this.#bytes })
    }
    return new EventBatch(this, source, this.origin, traces)
  }

  get events(): ReadonlyArray<Event> {
    return (this.#events ??= decodeBatch(this.#bytes!))
  }

  /** The encoded form: what queues and logs carry. */
  get bytes(): Uint8Array {
    return (this.#bytes ??= encodeBatch(this.#events!, this))
  }

  /** 16 bytes an event, in order; a view, not a copy. */
  get ids(): Uint8Array {
    return idsOf(this.bytes)
  }

  slice(start: number, end: number): EventBatch {
    if (start === 0 && end >= this.count) return this
    const origin = this.origin && { ...this.origin, offset: this.origin.offset + start }
    return EventBatch.fromEvents(this.events.slice(start, end), origin).withTraces(this.traces)
  }

  /** Cuts the batch so that each part encodes to at most `maxBytes`; a single event is never cut. */
  split(maxBytes: number): ReadonlyArray<EventBatch> {
    if (this.bytes.length <= maxBytes || this.count === 1) return [this]
    const middle = this.count >>> 1
    return [...this.slice(0, middle).split(maxBytes), ...this.slice(middle, this.count).split(maxBytes)]
  }
}

const joinBytes = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
