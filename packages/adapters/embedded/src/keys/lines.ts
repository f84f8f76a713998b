import { crc32 } from "node:zlib"

/** A line that a crash cut short is ended by this, and passed over from then on. */
export const CANCEL = "\u0018\n"

const sumOf = (json: string) => crc32(json).toString(16).padStart(8, "0")

/** `<crc32, 8 hex digits> <json>\n` */
export const encodeLine = (record: unknown): string => {
  const json = JSON.stringify(record)
  return `${sumOf(json)} ${json}\n`
}

export interface Line {
  /** From 1. */
  readonly number: number
  /** `undefined`: the line is damaged. Nobody may pass it over: it may be the one that takes something away. */
  readonly json: string | undefined
}

/** The whole lines; what follows the last line end was never acknowledged. */
export const readLines = (text: string): ReadonlyArray<Line> =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line, index) => ({
      number: index + 1,
      cut: line.endsWith(CANCEL[0]!),
      json: sumOf(line.slice(9)) === line.slice(0, 8) ? line.slice(9) : undefined
    }))
    .filter(({ cut }) => !cut)
