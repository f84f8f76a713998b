import {
  type EVENT_FIELDS,
  EVENT_TYPE_MAX_CHARACTERS,
  FUTURE_LIMIT_MICROS,
  MAX_EVENTS_PER_REQUEST,
  PROPERTIES_MAX_BYTES,
  USER_ID_MAX_CHARACTERS
} from "../rules.ts"
import { isNobodyIn } from "./isNobodyIn.ts"
import { KnownDay, scanInstant } from "./scanInstant.ts"
import { NOT_PLAIN, OpenKeys, scanPlainString, scanProperties } from "./scanJson.ts"

/** Where one event's parts lie in the body: columns of {@link PlainBody.places}. */
export const Part = {
  id: 0,
  user: 1,
  userEnd: 2,
  type: 3,
  typeEnd: 4,
  properties: 5,
  propertiesEnd: 6,
  size: 7
} as const

/** `2001-09-09T01:46:40Z`: from here to 2100, microseconds have 16 digits. */
const EARLIEST = 1e15

const FIELD = { event_id: 1, occurred_at: 2, user_id: 4, event_type: 8, properties: 16 } as const satisfies Record<
  (typeof EVENT_FIELDS)[number],
  number
>
const REQUIRED = FIELD.event_id | FIELD.occurred_at | FIELD.user_id | FIELD.event_type

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))

const NAMES = Object.entries(FIELD).map(([name, flag]) => ({ flag, name: ascii(name) }))
const BY_LENGTH = (length: number) => NAMES.filter(({ name }) => name.length === length)
/** `event_type` and `properties` share a length; no other two do. */
const CANDIDATES = Array.from({ length: 12 }, (_, length) => BY_LENGTH(length))

/** Bytes of the shortest event there is, and fewer: a body has no room for more events than that leaves. */
const SHORTEST_EVENT_BYTES = 110

/**
 * A request body read without building a single object: a bare array whose every event is valid in the plainest form.
 * Whatever is not (an envelope, a refused event, an escape in a name, a repeated key, a number that may be
 * infinite …) is left to `parseJson` and `judge`, which decide; this only recognises what they would accept as it is.
 */
export class PlainBody {
  readonly _tag = "Plain"
  count = 0
  /** When the first of its events occurred, UTC microseconds. */
  oldest = Number.POSITIVE_INFINITY
  /** A bare array has no place for one. */
  readonly key = undefined
  /** UTC microseconds: what it was found valid at. */
  readonly received_at: number
  readonly places: Int32Array
  /** UTC microseconds. */
  readonly times: Float64Array
  readonly bytes: Uint8Array
  readonly #keys = new OpenKeys()
  readonly #day = new KnownDay()
  #at = 0
  #time = 0

  private constructor(bytes: Uint8Array, received_at: number) {
    this.bytes = bytes
    this.received_at = received_at
    const room = Math.min(MAX_EVENTS_PER_REQUEST, Math.ceil(bytes.length / SHORTEST_EVENT_BYTES))
    this.times = new Float64Array(room)
    this.places = new Int32Array(room * Part.size)
  }

  /** Undefined when anything in it is not plain, not UTF-8, or lies too far ahead of `received_at`. */
  static read(bytes: Uint8Array, received_at: number): PlainBody | undefined {
    const body = new PlainBody(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), received_at)
    return body.#readAll(received_at + FUTURE_LIMIT_MICROS) ? body : undefined
  }

  #readAll(latest: number): boolean {
    const { bytes } = this
    this.#skipSpace()
    if (bytes[this.#at++] !== 91) return false
    while (true) {
      this.#skipSpace()
      if (this.count === MAX_EVENTS_PER_REQUEST || bytes[this.#at] !== 123 || !this.#readEvent()) return false
      if (this.#time < EARLIEST || this.#time > latest) return false
      this.times[this.count++] = this.#time
      if (this.#time < this.oldest) this.oldest = this.#time
      this.#skipSpace()
      const next = bytes[this.#at++]
      if (next === 93) break
      if (next !== 44) return false
    }
    this.#skipSpace()
    return this.#at === bytes.length
  }

  #skipSpace(): void {
    const { bytes } = this
    while (true) {
      const byte = bytes[this.#at]
      if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) return
      this.#at++
    }
  }

  #readEvent(): boolean {
    const { bytes } = this
    let seen = 0
    this.#at++
    while (true) {
      this.#skipSpace()
      const flag = this.#readName()
      if (flag === 0 || (seen & flag) !== 0) return false
      seen |= flag
      this.#skipSpace()
      if (bytes[this.#at++] !== 58) return false
      this.#skipSpace()
      if (!this.#readField(flag)) return false
      this.#skipSpace()
      const next = bytes[this.#at++]
      if (next === 125) break
      if (next !== 44) return false
    }
    if ((seen & FIELD.properties) === 0) this.#place(Part.properties, 0, 0)
    return (seen & REQUIRED) === REQUIRED
  }

  /** The field's flag, or 0. */
  #readName(): number {
    const { bytes } = this
    const start = this.#at
    if (bytes[start] !== 34) return 0
    const end = scanPlainString(bytes, start)
    if (end === NOT_PLAIN) return 0
    this.#at = end
    for (const { flag, name } of CANDIDATES[end - start - 2] ?? []) {
      let at = 0
      while (at < name.length && bytes[start + 1 + at] === name[at]) at++
      if (at === name.length) return flag
    }
    return 0
  }

  #readField(flag: number): boolean {
    const { bytes } = this
    const start = this.#at
    if (flag === FIELD.properties) {
      this.#at = scanProperties(bytes, start, this.#keys)
      if (this.#at === NOT_PLAIN || this.#at - start > PROPERTIES_MAX_BYTES) return false
      return this.#place(Part.properties, start, this.#at)
    }
    if (bytes[start] !== 34) return false
    const end = scanPlainString(bytes, start)
    if (end === NOT_PLAIN) return false
    this.#at = end
    const length = end - start - 2
    switch (flag) {
      case FIELD.event_id:
        this.places[this.count * Part.size + Part.id] = start + 1
        return length === 36 && isUuid(bytes, start + 1)
      case FIELD.occurred_at:
        this.#time = scanInstant(bytes, start + 1, end - 1, this.#day) ?? -1
        return this.#time >= 0
      // Lengths are bounded in characters; as many bytes never hold more of them.
      case FIELD.user_id:
        if (length > USER_ID_MAX_CHARACTERS || isNobodyIn(bytes, start + 1, end - 1)) return false
        return this.#place(Part.user, start, end)
      default:
        return length >= 1 && length <= EVENT_TYPE_MAX_CHARACTERS && this.#place(Part.type, start, end)
    }
  }

  #place(part: number, start: number, end: number): true {
    const at = this.count * Part.size + part
    this.places[at] = start
    this.places[at + 1] = end
    return true
  }
}

const isUuid = (bytes: Uint8Array, start: number): boolean => {
  for (let index = 0; index < 36; index++) {
    const byte = bytes[start + index]!
    const dash = index === 8 || index === 13 || index === 18 || index === 23
    if (dash ? byte !== 45 : !isHex(byte)) return false
  }
  return true
}

const isHex = (byte: number): boolean => {
  const letter = byte | 32
  return (byte >= 48 && byte <= 57) || (letter >= 97 && letter <= 102)
}
