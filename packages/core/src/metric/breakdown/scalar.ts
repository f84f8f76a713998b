import { comparable, parseJson } from "../../event/json.ts"
import type { BreakdownValue } from "./values.ts"

/** A value as it stands in a query string: JSON where that is a text, a number or a truth value, else a text as it is. */
export const readScalar = (text: string): BreakdownValue => {
  try {
    const value = comparable(parseJson(text))
    if (typeof value === "string" || typeof value === "boolean") return value
    return typeof value === "number" && Number.isFinite(value) ? value + 0 : text
  } catch {
    return text
  }
}

/** Writes a value as {@link readScalar} reads it again. */
export const writeScalar = (value: BreakdownValue): string =>
  typeof value === "string" && readScalar(value) === value ? value : JSON.stringify(value)
