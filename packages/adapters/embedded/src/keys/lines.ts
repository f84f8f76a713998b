import { crc32 } from "node:zlib"

/** Ends what was never acknowledged and lies behind the last whole line; it is passed over from then on. */
export const CANCEL = "\u0018\n"

const sumOf = (json: string) => crc32(json).toString(16).padStart(8, "0")

/** `<crc32, 8 hex digits> <json>\n` */
export const encodeLine = (record: unknown): string => {
  const json = JSON.stringify(record)
  return `${sumOf(json)} ${json}\n`
}

const NOTHING = JSON.stringify(null)
/** Written once the line before it is durable. */
export const MARK = encodeLine(null)

interface Line {
  /** From 1. */
  readonly number: number
  /** `undefined`: the line is damaged. Nobody may pass it over: it may be the one that takes something away. */
  readonly json: string | undefined
}

interface Lines {
  readonly lines: ReadonlyArray<Line>
  /** Something lies behind the last whole line. */
  readonly torn: boolean
}

/**
 * What is broken before a whole line had been acknowledged, and is damage. Behind the last whole line, a mark too, it is what a
 * power cut left of a line that never was: its end, zeros, or anything else.
 */
export const readLines = (text: string): Lines => {
  const lines: Array<Line> = []
  let broken: number | undefined
  const pieces = text.split("\n")
  const rest = pieces.pop()
  for (const [index, piece] of pieces.entries()) {
    const json = piece.slice(9)
    if (piece.endsWith(CANCEL[0]!)) broken = undefined
    else if (sumOf(json) !== piece.slice(0, 8)) broken ??= index + 1
    else {
      if (broken !== undefined) lines.push({ number: broken, json: undefined })
      broken = undefined
      if (json !== NOTHING) lines.push({ number: index + 1, json })
    }
  }
  return { lines, torn: broken !== undefined || rest !== "" }
}
