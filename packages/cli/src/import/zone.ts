import { type OffsetPiece, piecesOf } from "@millrace/core"

/** Wall-clock milliseconds (a local time written as if it were UTC) → UTC milliseconds. */
type ToUtc = (wallMillis: number) => number

/**
 * A wall-clock time that a DST change repeats means its first occurrence; one that it skips moves forward by the gap.
 * Throws `RangeError` on an unknown zone.
 */
export const zoneToUtc = (timeZone: string): ToUtc => {
  if (timeZone === "UTC") return (wall) => wall
  const pieces = piecesOf(timeZone)
  let near = 0
  return (wall) => {
    // Rows mostly come in time order, so the piece of the row before is the place to start looking.
    while (near > 0 && startsAfter(pieces[near]!, wall)) near--
    while (near + 1 < pieces.length && !startsAfter(pieces[near + 1]!, wall)) near++
    const before = pieces[near - 1]
    const repeated = before !== undefined && wall < wallOf(before.untilMicros, before)
    return wall - (repeated ? before : pieces[near]!).offsetSeconds * 1000
  }
}

const wallOf = (micros: number, piece: OffsetPiece) => micros / 1000 + piece.offsetSeconds * 1000

/**
 * A piece's wall clock starts where both its own and the earlier clock have reached it: in a gap the earlier
 * offset still holds, which moves a skipped time forward.
 */
const startsAfter = (piece: OffsetPiece, wall: number) => wall < wallOf(piece.fromMicros, piece)
