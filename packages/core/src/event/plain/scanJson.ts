import { FORBIDDEN_KEYS, PROPERTIES_MAX_DEPTH } from "../rules.ts"

/**
 * Steps over JSON in bytes without building values. Each function takes the index where its token starts and returns
 * the index after it, or {@link NOT_PLAIN}: for what is invalid as well as for what is merely rare. Nothing here
 * decides that JSON is bad; it decides that the bytes may be kept as they are.
 */
export const NOT_PLAIN = -1

const QUOTE = 34
const BACKSLASH = 92
const SPACE = 32

const MAX_KEYS_PER_OBJECT = 64
/** So many never make more than the greatest double. */
const MAX_DIGITS = 300

const hashOf = (key: string) => {
  let hash = 0
  for (let at = 0; at < key.length; at++) hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0
  return hash
}

const FORBIDDEN_HASHES = [...FORBIDDEN_KEYS].map(hashOf)

/** Keys of the objects that are open, innermost last, as hashes: enough to suspect a repeated one. One of these a body. */
export class OpenKeys {
  readonly hashes: Array<number> = []
  count = 0
}

export const scanProperties = (bytes: Uint8Array, at: number, keys: OpenKeys): number => {
  keys.count = 0
  return bytes[at] === 123 ? scanObject(bytes, at, 1, keys) : NOT_PLAIN
}

/** Only spaces: a line feed would end the line that the event is stored in. */
const skipSpaces = (bytes: Uint8Array, at: number): number => {
  while (bytes[at] === SPACE) at++
  return at
}

/** Bytes that end a run of a string's ordinary ones; one look-up a byte. */
const STOPS = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < SPACE || byte === QUOTE || byte === BACKSLASH || byte >= 128 ? 1 : 0
)

/** From the opening quote; no escapes. */
export const scanPlainString = (bytes: Uint8Array, at: number): number => {
  let index = at + 1
  while (true) {
    while (STOPS[bytes[index]!] === 0) index++
    if (bytes[index] === QUOTE) return index + 1
    index = skipCharacter(bytes, index)
    if (index === NOT_PLAIN) return NOT_PLAIN
  }
}

/** Escapes by letter are stepped over; `\u` may hide a null character or half a surrogate pair. */
const scanString = (bytes: Uint8Array, at: number): number => {
  let index = at + 1
  while (true) {
    while (STOPS[bytes[index]!] === 0) index++
    if (bytes[index] === QUOTE) return index + 1
    if (bytes[index] === BACKSLASH) {
      if (!isLetterEscape(bytes[index + 1])) return NOT_PLAIN
      index += 2
    } else {
      index = skipCharacter(bytes, index)
      if (index === NOT_PLAIN) return NOT_PLAIN
    }
  }
}

/** Over characters of several bytes, each in its one well-formed UTF-8 spelling (Unicode, table 3-7). */
const skipCharacter = (bytes: Uint8Array, at: number): number => {
  const lead = bytes[at]
  if (lead === undefined || lead < 0xc2 || lead > 0xf4) return NOT_PLAIN
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  const second = bytes[at + 1]!
  // Neither longer than need be, nor half of a surrogate pair, nor beyond the last character.
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (!(second >= lowest && second <= highest)) return NOT_PLAIN
  for (let index = at + 2; index < at + length; index++) if ((bytes[index]! & 0xc0) !== 0x80) return NOT_PLAIN
  return at + length
}

const isLetterEscape = (byte: number | undefined): boolean => {
  switch (byte) {
    case QUOTE:
    case BACKSLASH:
    case 47: // the others: / b f n r t
    case 98:
    case 102:
    case 110:
    case 114:
    case 116:
      return true
    default:
      return false
  }
}

/** From the opening quote; remembers the key, and refuses one that may be forbidden or repeated. */
const scanKey = (bytes: Uint8Array, at: number, firstKey: number, keys: OpenKeys): number => {
  let hash = 0
  let index = at + 1
  while (true) {
    for (; STOPS[bytes[index]!] === 0; index++) hash = (Math.imul(hash, 31) + bytes[index]!) | 0
    if (bytes[index] === QUOTE) return rememberKey(hash, firstKey, keys) ? index + 1 : NOT_PLAIN
    const end = skipCharacter(bytes, index)
    if (end === NOT_PLAIN) return NOT_PLAIN
    for (; index < end; index++) hash = (Math.imul(hash, 31) + bytes[index]!) | 0
  }
}

const rememberKey = (hash: number, firstKey: number, keys: OpenKeys): boolean => {
  const { count, hashes } = keys
  if (count - firstKey >= MAX_KEYS_PER_OBJECT) return false
  for (let index = 0; index < FORBIDDEN_HASHES.length; index++) if (FORBIDDEN_HASHES[index] === hash) return false
  for (let index = firstKey; index < count; index++) if (hashes[index] === hash) return false
  hashes[count] = hash
  keys.count = count + 1
  return true
}

const scanObject = (bytes: Uint8Array, start: number, depth: number, keys: OpenKeys): number => {
  if (depth > PROPERTIES_MAX_DEPTH) return NOT_PLAIN
  const firstKey = keys.count
  let at = skipSpaces(bytes, start + 1)
  if (bytes[at] === 125) return at + 1
  while (bytes[at] === QUOTE) {
    at = scanKey(bytes, at, firstKey, keys)
    if (at === NOT_PLAIN) return NOT_PLAIN
    at = skipSpaces(bytes, at)
    if (bytes[at] !== 58) return NOT_PLAIN
    at = scanValue(bytes, skipSpaces(bytes, at + 1), depth, keys)
    if (at === NOT_PLAIN) return NOT_PLAIN
    at = skipSpaces(bytes, at)
    if (bytes[at] === 125) {
      keys.count = firstKey
      return at + 1
    }
    if (bytes[at] !== 44) return NOT_PLAIN
    at = skipSpaces(bytes, at + 1)
  }
  return NOT_PLAIN
}

const scanArray = (bytes: Uint8Array, start: number, depth: number, keys: OpenKeys): number => {
  if (depth > PROPERTIES_MAX_DEPTH) return NOT_PLAIN
  let at = skipSpaces(bytes, start + 1)
  if (bytes[at] === 93) return at + 1
  while (true) {
    at = scanValue(bytes, at, depth, keys)
    if (at === NOT_PLAIN) return NOT_PLAIN
    at = skipSpaces(bytes, at)
    if (bytes[at] === 93) return at + 1
    if (bytes[at] !== 44) return NOT_PLAIN
    at = skipSpaces(bytes, at + 1)
  }
}

const scanValue = (bytes: Uint8Array, at: number, depth: number, keys: OpenKeys): number => {
  switch (bytes[at]) {
    case QUOTE:
      return scanString(bytes, at)
    case 123:
      return scanObject(bytes, at, depth + 1, keys)
    case 91:
      return scanArray(bytes, at, depth + 1, keys)
    case 116: // true
      return bytes[at + 1] === 114 && bytes[at + 2] === 117 && bytes[at + 3] === 101 ? at + 4 : NOT_PLAIN
    case 110: // null
      return bytes[at + 1] === 117 && bytes[at + 2] === 108 && bytes[at + 3] === 108 ? at + 4 : NOT_PLAIN
    case 102: // false
      return bytes[at + 1] === 97 && bytes[at + 2] === 108 && bytes[at + 3] === 115 && bytes[at + 4] === 101
        ? at + 5
        : NOT_PLAIN
    default:
      return scanNumber(bytes, at)
  }
}

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 48 && byte <= 57

/** No exponent, whose number may be infinite, and nothing that begins with `-0`. All digits are kept as they are. */
const scanNumber = (bytes: Uint8Array, start: number): number => {
  let at = bytes[start] === 45 ? start + 1 : start
  const first = at
  while (isDigit(bytes[at])) at++
  let digits = at - first
  if (digits === 0 || (bytes[first] === 48 && (digits > 1 || first !== start))) return NOT_PLAIN
  if (bytes[at] === 46) {
    const fraction = ++at
    while (isDigit(bytes[at])) at++
    if (at === fraction) return NOT_PLAIN
    digits += at - fraction
  }
  return digits > MAX_DIGITS || (bytes[at]! | 32) === 101 ? NOT_PLAIN : at
}
