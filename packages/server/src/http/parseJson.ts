import { type BadJson, decodeJson } from "@millrace/core"
import { Effect } from "effect"
import { type Refusal, refusal } from "./Refusal.ts"

/** Bytes → JSON value, or the problem that they are none. */
export const parseJson = (bytes: Uint8Array): Effect.Effect<unknown, Refusal> =>
  Effect.mapError(Effect.fromResult(decodeJson(bytes)), refuseJson)

export const refuseJson = ({ code, reason }: BadJson): Refusal => {
  switch (code) {
    case "invalid_utf8":
      return refusal("invalid_utf8", "The body holds bytes that are not UTF-8.")
    case "too_deep":
      return refusal("invalid_json", "The body nests deeper than can be read.", {
        errors: [{ path: "", code, message: "must not nest so deep" }]
      })
    case "empty":
      return refusal("invalid_json", "The body is empty; a JSON array of events was expected.")
    case "invalid_json": {
      const where = locate(reason)
      return refusal("invalid_json", `The body is not valid JSON${where}.`, {
        errors: [{ path: "", code, message: `must be valid JSON${where}` }]
      })
    }
  }
}

/** V8 tells the position for some errors and the offending character for the others. */
const locate = (reason: string): string => {
  const position = /at position (\d+)/u.exec(reason)?.[1]
  if (position !== undefined) return `; the first error is at character ${position}`
  const token = /Unexpected token '(.)'/u.exec(reason)?.[1]
  if (token !== undefined) return `; ${JSON.stringify(token)} was not expected`
  return /end of JSON input/u.test(reason) ? "; it ends too early" : ""
}
