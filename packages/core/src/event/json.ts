import { Result, Schema } from "effect"

/**
 * JSON in which integers keep their digits (docs/semantics.md, "Numbers"): one that its double would print otherwise is
 * read as a {@link WrittenNumber}, which `JSON.stringify` prints as it was written. All other numbers are doubles.
 */
export interface WrittenNumber {
  readonly rawJSON: string
}

/** Of ECMAScript's "JSON.parse source text access", which Node has from 21 on and TypeScript's library does not know. */
interface SourceJson {
  readonly parse: (
    text: string,
    revive: (key: string, value: unknown, at: { readonly source?: string }) => unknown
  ) => unknown
  readonly rawJSON: (text: string) => WrittenNumber
  readonly isRawJSON: (value: unknown) => value is WrittenNumber
}
const sourceJson = JSON as unknown as SourceJson

/** Every shorter integer is its double's own print. */
const EXACT_DIGITS = 15
const INTEGER = /^-?[1-9]\d*$/u
/** Throws as `JSON.parse` does; a `RangeError` where long integers stand beside some thousand levels. */
export const parseJson = (text: string): unknown =>
  holdsLongInteger(text)
    ? sourceJson.parse(text, (_key, value, { source }) =>
        typeof value === "number" ? readNumber(source!, value) : value
      )
    : JSON.parse(text)

/** Bytes that are not JSON. `reason` is what the engine says of the first error. */
export class BadJson extends Schema.TaggedError<BadJson>()("BadJson", {
  code: Schema.Literals(["invalid_utf8", "empty", "too_deep", "invalid_json"]),
  reason: Schema.String
}) {
  override get message(): string {
    return `the body is not JSON (${this.code}): ${this.reason}`
  }
}

/** Fatal, so that no byte is ever replaced silently. A leading byte order mark is dropped (RFC 8259 §8.1 allows it). */
const utf8 = new TextDecoder("utf-8", { fatal: true })

/** Bytes → JSON value, integers with all their digits. Duplicate keys: the last one wins, as `JSON.parse` has it. */
export const decodeJson = (bytes: Uint8Array): Result.Result<unknown, BadJson> => {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch (cause) {
    return Result.fail(new BadJson({ code: "invalid_utf8", reason: String(cause) }))
  }
  try {
    return Result.succeed(parseJson(text))
  } catch (cause) {
    const code = cause instanceof RangeError ? "too_deep" : text.trim() === "" ? "empty" : "invalid_json"
    return Result.fail(new BadJson({ code, reason: String(cause) }))
  }
}

const isDigit = (text: string, at: number) => {
  const code = text.charCodeAt(at)
  return code >= 48 && code <= 57
}

/**
 * Whether there are so many digits in a row, and not a fraction's: a look at every sixteenth character is a tenth of the
 * time that parsing takes, a reviver five times that. What is found may turn out to be text.
 */
const holdsLongInteger = (text: string): boolean => {
  for (let at = EXACT_DIGITS; at < text.length; at += EXACT_DIGITS + 1) {
    if (!isDigit(text, at)) continue
    let first = at
    while (isDigit(text, first - 1)) first--
    while (isDigit(text, at + 1)) at++
    if (at - first >= EXACT_DIGITS && text[first - 1] !== ".") return true
  }
  return false
}

/** A number's text → the number, as {@link parseJson} reads it. */
export const numberOf = (text: string): number | WrittenNumber => readNumber(text, Number(text))

const readNumber = (text: string, value: number): number | WrittenNumber =>
  text.length > EXACT_DIGITS && INTEGER.test(text) && Number.isFinite(value) && String(value) !== text
    ? sourceJson.rawJSON(text)
    : value

/** Also of what a program has made itself: anything but an object or a list may be in there. */
export const isWritten = (value: unknown): value is WrittenNumber => sourceJson.isRawJSON(value)

/** `JSON.stringify`, but a bigint is an integer; undefined where that gives nothing. Throws on what contains itself. */
export const printJson = (value: unknown): string | undefined => {
  try {
    return JSON.stringify(value)
  } catch {
    // Only where there may be one: a replacer takes several times as long.
    return JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? numberOf(String(part)) : part))
  }
}

/**
 * What a value is compared and told apart as: an integer that no double is, is the text of its digits, and so equal to
 * that text; a written number that is a double after all (as 10^21 in digits) is that double.
 */
export const comparable = (value: unknown): unknown => {
  if (!isWritten(value)) return value
  return isLongInteger(value.rawJSON) ? value.rawJSON : doubleOf(value)
}

/** What a value is added up and ordered as: the nearest double of a number. */
export const doubleOf = (value: unknown): unknown => (isWritten(value) ? (JSON.parse(value.rawJSON) as unknown) : value)

/** Whether a text is an integer in digits that no double prints: another integer's double would be taken for its own. */
export const isLongInteger = (text: string): boolean =>
  text.length > EXACT_DIGITS && INTEGER.test(text) && significant(text) !== significant(String(Number(text)))

/** Sign and digits without the zeros at the end: with the magnitude, which a double keeps, all there is. */
const significant = (number: string) => number.replace(/e.*$/u, "").replace(".", "").replace(/0+$/u, "")
