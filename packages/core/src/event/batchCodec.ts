import type { Event } from "./Event.ts"

/**
 * A batch on the wire between stages, version 1 (little-endian):
 *
 * | bytes | content |
 * |---|---|
 * | 1 | version = 1 |
 * | 2 | length of the project id |
 * | 4 | number of events, n |
 * | 8 | earliest `received_at`, float64 microseconds |
 * | … | project id, UTF-8 |
 * | 16 × n | event ids |
 * | … | one line of JSON per event, each ended by `\n` |
 *
 * The ids stand apart so that identity is checked without parsing JSON; the lines are plain NDJSON so that
 * a columnar engine reads them as they are. JSON text never holds a raw line feed, so lines need no index.
 */
export interface BatchHeader {
  readonly project_id: string
  readonly count: number
  readonly received_at: number
}

const VERSION = 1
const FIXED = 15
const ID_BYTES = 16
const utf8 = new TextEncoder()
const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

export const encodeBatch = (events: ReadonlyArray<Event>, header: BatchHeader): Uint8Array => {
  const body = utf8.encode(linesOf(events))
  const { bytes, idsAt: start } = openFrame(header, body.length)
  let at = start
  for (const event of events) at = writeUuid(bytes, at, event.event_id)
  bytes.set(body, at)
  return bytes
}

/** From parts that are encoded already: `ids` of 16 bytes each and their `lines`, in one order. */
export const assembleBatch = (header: BatchHeader, ids: Uint8Array, lines: Uint8Array): Uint8Array => {
  if (ids.length !== ID_BYTES * header.count) throw new RangeError(`${header.count} events need as many ids`)
  const { bytes, idsAt: start } = openFrame(header, lines.length)
  bytes.set(ids, start)
  bytes.set(lines, start + ids.length)
  return bytes
}

/** A batch with its header written; ids go to `idsAt`, lines behind them. */
export const openFrame = (header: BatchHeader, bodyLength: number) => {
  const project = utf8.encode(header.project_id)
  const idsStart = FIXED + project.length
  const bytes = new Uint8Array(idsStart + ID_BYTES * header.count + bodyLength)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, VERSION)
  view.setUint16(1, project.length, true)
  view.setUint32(3, header.count, true)
  view.setFloat64(7, header.received_at, true)
  bytes.set(project, FIXED)
  return { bytes, idsAt: idsStart }
}

/** `properties` comes last in its line: {@link parseLine} cuts it out as text instead of parsing it. */
const linesOf = (events: ReadonlyArray<Event>): string => {
  let lines = ""
  let project = ""
  let quoted = ""
  for (const event of events) {
    if (event.project_id !== project || quoted === "") quoted = JSON.stringify((project = event.project_id))
    lines +=
      `{"event_id":"${event.event_id}","occurred_at":${event.occurred_at},"user_id":${JSON.stringify(event.user_id)}` +
      `,"event_type":${JSON.stringify(event.event_type)},"received_at":${event.received_at}` +
      `,"skew_micros":${event.skew_micros},"project_id":${quoted},"properties":${event.properties}}\n`
  }
  return lines
}

const SPACE = 32

/** One event's line in exactly `bytes` bytes: spaces, which JSON does not mind, behind its properties. */
export const redactedLine = (event: Event, bytes: number): Uint8Array => {
  const line = utf8.encode(linesOf([event]))
  const padded = new Uint8Array(bytes).fill(SPACE)
  padded.set(line.subarray(0, -2))
  padded.set(line.subarray(-2), bytes - 2)
  return padded
}

export const readHeader = (bytes: Uint8Array): BatchHeader => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < FIXED || view.getUint8(0) !== VERSION) {
    throw new RangeError(`not an encoded batch of version ${VERSION}`)
  }
  const projectLength = view.getUint16(1, true)
  const count = view.getUint32(3, true)
  if (bytes.length < FIXED + projectLength + ID_BYTES * count) throw new RangeError("an encoded batch was cut short")
  return {
    project_id: text.decode(bytes.subarray(FIXED, FIXED + projectLength)),
    count,
    received_at: view.getFloat64(7, true)
  }
}

const idsAt = (bytes: Uint8Array) => FIXED + (bytes[1]! | (bytes[2]! << 8))

const countOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset + 3, 4).getUint32(0, true)

export const idsOf = (bytes: Uint8Array): Uint8Array => {
  const start = idsAt(bytes)
  return bytes.subarray(start, start + ID_BYTES * countOf(bytes))
}

/** The NDJSON part: one line an event, each ended by `\n`; a view, not a copy. */
export const linesOfBytes = (bytes: Uint8Array): Uint8Array => bytes.subarray(idsAt(bytes) + ID_BYTES * countOf(bytes))

export const decodeBatch = (bytes: Uint8Array): ReadonlyArray<Event> => {
  const lines = text.decode(linesOfBytes(bytes)).split("\n")
  lines.pop()
  return lines.map(parseLine)
}

const PROPERTIES = ',"properties":'

/** Inside a JSON string every quote is escaped, so the first match is the key itself. */
const parseLine = (line: string): Event => {
  const cut = line.indexOf(PROPERTIES)
  const event = JSON.parse(`${line.slice(0, cut)}}`) as Omit<Event, "properties">
  return { ...event, properties: line.slice(cut + PROPERTIES.length, -1) }
}

const HEX = Uint8Array.from({ length: 128 }, (_, code) => Number.parseInt(String.fromCharCode(code), 16) || 0)

const writeUuid = (bytes: Uint8Array, at: number, uuid: string): number => {
  for (let index = 0; index < 36; index += 2) {
    if (uuid.charCodeAt(index) === 45) index++
    bytes[at++] = (HEX[uuid.charCodeAt(index)]! << 4) | HEX[uuid.charCodeAt(index + 1)]!
  }
  return at
}
