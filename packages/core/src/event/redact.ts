import type { Event } from "./Event.ts"
import { linesOfBytes, redactedLine } from "./batchCodec.ts"

/**
 * What an erased event leaves where events are counted and ordered: its id, its project and when it was accepted. Positions,
 * cursors and counts hold as they are; no user, no type, no properties, not when it happened. No accepted event has an empty
 * type, so a redacted event cannot be taken for one.
 */
export const redact = ({ event_id, project_id, received_at }: Event): Event => ({
  project_id,
  event_id,
  occurred_at: 0,
  user_id: "",
  event_type: "",
  properties: "{}",
  received_at,
  skew_micros: 0
})

export const isRedacted = ({ event_type }: Pick<Event, "event_type">): boolean => event_type === ""

/** An encoded batch with redacted events in the places of some events. */
export interface RedactedBatch {
  /** As long as what was given. */
  readonly bytes: Uint8Array
  /** Of the events that are redacted now. */
  readonly indexes: ReadonlyArray<number>
}

/**
 * Puts redacted events in the places of the events at `indexes`, ascending; every byte that is no part of those stays
 * where it is, so that a log's record can be replaced by it.
 */
export const redactBytes = (
  bytes: Uint8Array,
  indexes: ReadonlyArray<number>,
  events: ReadonlyArray<Event>
): RedactedBatch => {
  // Not `slice`, which for a Buffer is a view.
  const redacted = new Uint8Array(bytes)
  const lines = linesOfBytes(redacted)
  let start = 0
  let next = 0
  for (let index = 0; next < indexes.length; index++) {
    const end = lines.indexOf(LINE_FEED, start) + 1
    if (index === indexes[next]) {
      lines.set(redactedLine(redact(events[index]!), end - start), start)
      next++
    }
    start = end
  }
  return { bytes: redacted, indexes }
}

const LINE_FEED = 10
