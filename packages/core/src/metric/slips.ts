/**
 * What people write in a query string where they mean something else, and where what is written would be asked of nothing
 * and answer 0: it is refused with what is meant. A name that is really like that stands in quotes, as JSON has it.
 */

const QUOTED = /^"(?:[^"\\]|\\.)*"$/su

export const isQuoted = (written: string): boolean => QUOTED.test(written) && unquoted(written) !== written

/** A name in quotes, letter by letter; any other one as it is written. */
export const unquoted = (written: string): string => {
  if (!QUOTED.test(written)) return written
  try {
    return JSON.parse(written) as string
  } catch {
    return written
  }
}

export const BLANK_ENDS = /^[ \t\r\n]|[ \t\r\n]$/u

/** Blanks around a name are a slip of the pen far more often than a name's own. */
export const blankProblem = (name: string, prefix = ""): string | undefined =>
  BLANK_ENDS.test(name)
    ? `has blanks around it, write ${prefix}${name.trim()}; a name that does have them stands in quotes: ${prefix}${JSON.stringify(name)}`
    : undefined

/** Where one event type is asked for. */
export const typeSlip = (type: string): string | undefined => {
  if (isQuoted(type)) return undefined
  const inQuotes = `a type of that name stands in quotes: ${JSON.stringify(type)}`
  if (type.includes(",")) {
    const list = type.split(",").map((one) => JSON.stringify(one.trim()))
    return `names one type; several stand in where: event_type in (${list.join(", ")}); ${inQuotes}`
  }
  if (/^(?:properties\.|event_type\b)/u.test(type)) return `names a type; conditions stand in where; ${inQuotes}`
  return blankProblem(type)
}
