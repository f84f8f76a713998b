/** The server takes 32 levels of properties; what lies deeper is cut here, so that its neighbours arrive. */
const MAX_DEPTH = 30

/**
 * A copy that always prints as JSON: a cycle, a throwing getter or a value of another kind costs itself and never its
 * neighbours. Maps become objects, sets arrays, bigints numbers, or text where no number has all their digits; what JSON
 * knows to drop or null is left to it.
 */
export const toPlain = (value: unknown, parents: ReadonlyArray<unknown> = []): unknown => {
  if (typeof value === "bigint") {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : `${value}`
  }
  if (typeof value !== "object" || !value) return value
  if (parents.includes(value) || parents.length > MAX_DEPTH) return "[circular]"
  const inside = [...parents, value]
  if ("toJSON" in value) return toPlain((value as { toJSON: () => unknown }).toJSON(), inside)
  const list = value instanceof Map ? Object.fromEntries(value) : value instanceof Set ? [...value] : value
  const copy: Record<string, unknown> = Array.isArray(list) ? ([] as never) : {}
  for (const key of Object.keys(list)) {
    try {
      copy[key] = toPlain((list as Record<string, unknown>)[key], inside)
    } catch {
      copy[key] = "[unreadable]"
    }
  }
  return copy
}

/** JSON without `\u0000` and lone surrogates: the server refuses an event for them, since no database can store them. */
export const toJson = (value: unknown): string =>
  JSON.stringify(value).replace(/\\(?:u(?:d[89a-f]..|0000)|.)/g, (escape) => (escape[2] ? "\ufffd" : escape))
