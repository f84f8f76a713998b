import { EventBatch } from "../EventBatch.ts"
import { openFrame } from "../batchCodec.ts"
import { Part, type PlainBody } from "./PlainBody.ts"

const utf8 = new TextEncoder()

const OPEN = utf8.encode('{"event_id":"')
const OCCURRED_AT = utf8.encode('","occurred_at":')
const USER_ID = utf8.encode(',"user_id":')
const EVENT_TYPE = utf8.encode(',"event_type":')
const NO_PROPERTIES = utf8.encode("{}")
const CLOSE = utf8.encode("}\n")
const ID_CHARACTERS = 36
const TIME_DIGITS = 16
const FIXED_LINE_BYTES =
  OPEN.length + ID_CHARACTERS + OCCURRED_AT.length + TIME_DIGITS + USER_ID.length + EVENT_TYPE.length + CLOSE.length

interface PlainContext {
  readonly project_id: string
  readonly maxBatchBytes: number
}

/** The body's events as encoded batches of at most `maxBatchBytes` each, copied from the body piece by piece. */
export const encodePlain = (body: PlainBody, context: PlainContext): ReadonlyArray<EventBatch> => {
  const { project_id } = context
  const { received_at } = body
  const middle = utf8.encode(
    `,"received_at":${received_at},"skew_micros":0,"project_id":${JSON.stringify(project_id)},"properties":`
  )
  const batches: Array<EventBatch> = []
  for (let from = 0; from < body.count;) {
    const { end, lineBytes } = fitting(body, from, middle.length, context.maxBatchBytes)
    const { bytes, idsAt } = openFrame({ project_id, count: end - from, received_at }, lineBytes)
    writeIds(body, from, end, bytes, idsAt)
    writeLines(body, from, end, middle, bytes, idsAt + 16 * (end - from))
    batches.push(EventBatch.fromBytes(bytes))
    from = end
  }
  return batches
}

const propertiesLength = (places: Int32Array, row: number) =>
  places[row + Part.propertiesEnd]! - places[row + Part.properties]! || NO_PROPERTIES.length

/** Events from `from` on that fit into one batch; at least one. */
const fitting = (body: PlainBody, from: number, middleBytes: number, maxBytes: number) => {
  const { places } = body
  let lineBytes = 0
  let end = from
  for (; end < body.count; end++) {
    const row = end * Part.size
    const line =
      FIXED_LINE_BYTES +
      middleBytes +
      (places[row + Part.userEnd]! - places[row + Part.user]!) +
      (places[row + Part.typeEnd]! - places[row + Part.type]!) +
      propertiesLength(places, row)
    if (end > from && lineBytes + line + 16 * (end - from + 2) + 512 > maxBytes) break
    lineBytes += line
  }
  return { end, lineBytes }
}

const hexValue = (byte: number) => (byte <= 57 ? byte - 48 : (byte | 32) - 87)

const writeIds = (body: PlainBody, from: number, end: number, out: Uint8Array, start: number): void => {
  const { bytes, places } = body
  let at = start
  for (let event = from; event < end; event++) {
    const id = places[event * Part.size + Part.id]!
    for (let index = 0; index < ID_CHARACTERS; index += 2) {
      if (bytes[id + index] === 45) index++
      out[at++] = (hexValue(bytes[id + index]!) << 4) | hexValue(bytes[id + index + 1]!)
    }
  }
}

const writeLines = (
  body: PlainBody,
  from: number,
  end: number,
  middle: Uint8Array,
  out: Uint8Array,
  start: number
): void => {
  const { bytes, places, times } = body
  let at = start
  for (let event = from; event < end; event++) {
    const row = event * Part.size
    at = copy(OPEN, 0, OPEN.length, out, at)
    const id = places[row + Part.id]!
    // Lower case by one bit: digits and dashes have it set already.
    for (let index = 0; index < ID_CHARACTERS; index++) out[at++] = bytes[id + index]! | 32
    at = copy(OCCURRED_AT, 0, OCCURRED_AT.length, out, at)
    at = writeDigits(times[event]!, out, at)
    at = copy(USER_ID, 0, USER_ID.length, out, at)
    at = copy(bytes, places[row + Part.user]!, places[row + Part.userEnd]!, out, at)
    at = copy(EVENT_TYPE, 0, EVENT_TYPE.length, out, at)
    at = copy(bytes, places[row + Part.type]!, places[row + Part.typeEnd]!, out, at)
    out.set(middle, at)
    at += middle.length
    const properties = places[row + Part.properties]!
    at =
      properties === 0
        ? copy(NO_PROPERTIES, 0, NO_PROPERTIES.length, out, at)
        : copy(bytes, properties, places[row + Part.propertiesEnd]!, out, at)
    at = copy(CLOSE, 0, CLOSE.length, out, at)
  }
}

/** Below this a loop is faster than a native copy. */
const NATIVE_COPY_BYTES = 64

const copy = (from: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number => {
  if (end - start > NATIVE_COPY_BYTES) out.set(from.subarray(start, end), at)
  else for (let index = start; index < end; index++) out[at + index - start] = from[index]!
  return at + end - start
}

/** Sixteen digits, as two halves that fit into 32-bit integers. */
const writeDigits = (micros: number, out: Uint8Array, at: number): number => {
  const high = Math.floor(micros / 1e8)
  writeHalf(high, out, at)
  writeHalf(micros - high * 1e8, out, at + 8)
  return at + TIME_DIGITS
}

const writeHalf = (value: number, out: Uint8Array, at: number): void => {
  let rest = value | 0
  for (let index = at + 7; index >= at; index--) {
    const next = (rest / 10) | 0
    out[index] = 48 + rest - next * 10
    rest = next
  }
}
