import { parseJson as readJson } from "@millrace/core"
import { Effect } from "effect"
import { type Refusal, refusal } from "./Refusal.ts"

/** Fatal, so that no byte is ever replaced silently. A leading byte order mark is dropped (RFC 8259 §8.1 allows it). */
const utf8 = new TextDecoder("utf-8", { fatal: true })

/** Bytes → JSON value, integers with all their digits. Duplicate keys: the last one wins, as `JSON.parse` has it. */
export const parseJson = (bytes: Uint8Array): Effect.Effect<unknown, Refusal> => {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return Effect.fail(invalidUtf8)
  }
  try {
    return Effect.succeed(readJson(text))
  } catch (cause) {
    return Effect.fail(cause instanceof RangeError ? tooDeep : invalidJson(text, String(cause)))
  }
}

const invalidUtf8 = refusal("invalid_utf8", "The body holds bytes that are not UTF-8.")

const tooDeep = refusal("invalid_json", "The body nests deeper than can be read.", {
  errors: [{ path: "", code: "too_deep", message: "must not nest so deep" }]
})

const invalidJson = (text: string, message: string): Refusal => {
  if (text.trim() === "") return refusal("invalid_json", "The body is empty; a JSON array of events was expected.")
  const where = placeOf(message)
  return refusal("invalid_json", `The body is not valid JSON${where}.`, {
    errors: [{ path: "", code: "invalid_json", message: `must be valid JSON${where}` }]
  })
}

/** V8 tells the position for some errors and the offending character for the others. */
const placeOf = (message: string): string => {
  const position = /at position (\d+)/u.exec(message)?.[1]
  if (position !== undefined) return `; the first error is at character ${position}`
  const token = /Unexpected token '(.)'/u.exec(message)?.[1]
  if (token !== undefined) return `; ${JSON.stringify(token)} was not expected`
  return /end of JSON input/u.test(message) ? "; it ends too early" : ""
}
