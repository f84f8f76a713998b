import { Schema } from "effect"
import { annotationOf } from "./annotation.ts"

/** What a number of an answer's row is, for those who show it. */
type Measure = "share" | "seconds"

const MEASURE = "measure"

/** From 0 to 1. */
export const share = Schema.Finite.annotate({ [MEASURE]: "share" satisfies Measure })
export const seconds = Schema.Finite.annotate({ [MEASURE]: "seconds" satisfies Measure })

/** Undefined for a number that is just one. */
export const measureOf = ({ ast }: Schema.Constraint): Measure | undefined =>
  annotationOf(ast, MEASURE) as Measure | undefined

export type RawRow = Readonly<Record<string, unknown>>

/** Engines give integers as number, bigint or decimal text; sums may be null over nothing. */
export const integerOf = (row: RawRow, column: string): number => {
  const value = Number(row[column] ?? 0)
  if (!Number.isSafeInteger(value)) throw new TypeError(`column ${column} is not an integer`)
  return value
}

export const textOf = (row: RawRow, column: string): string => {
  const value = row[column]
  if (typeof value !== "string") throw new TypeError(`column ${column} is not text`)
  return value
}

/** 0 when there is nothing to divide by. */
export const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)

/** Orders by Unicode code point, as UTF-8 bytes do; JavaScript's own order is by UTF-16 unit. */
export const compareCodePoints = (left: string, right: string): number => {
  const end = Math.min(left.length, right.length)
  for (let index = 0; index < end; index++) {
    const [a, b] = [left.charCodeAt(index), right.charCodeAt(index)]
    if (a !== b) return isSurrogate(a) === isSurrogate(b) ? a - b : isSurrogate(a) ? 1 : -1
  }
  return left.length - right.length
}

const isSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdfff
