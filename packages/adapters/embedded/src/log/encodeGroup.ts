import type { AppendError } from "./errors.ts"
import { Flag, writeRecord } from "./record.ts"
import type { Segment } from "./Segment.ts"

/** Called once the append is durable, with its first sequence, or once it failed. */
export type Settle = (error: AppendError | undefined, first: number) => void

export interface Append {
  readonly payloads: ReadonlyArray<Uint8Array>
  readonly flags: number
  readonly bytes: number
  readonly settle: Settle
}

/** Writes the records of a group, which follow those of the segment, to the start of `buffer`. */
export const encodeGroup = (buffer: Buffer, group: ReadonlyArray<Append>, segment: Segment) => {
  const firsts: Array<number> = []
  /** Offset in the segment and bytes of each payload. */
  const places: Array<readonly [number, number]> = []
  let sequence = segment.next
  let at = 0
  for (const append of group) {
    firsts.push(sequence)
    for (const [index, payload] of append.payloads.entries()) {
      const more = index < append.payloads.length - 1 ? Flag.continues : 0
      const flags = append.flags | more | (at === 0 ? Flag.groupStart : 0)
      places.push([segment.endBytes + at, payload.length])
      at = writeRecord(buffer, at, { sequence: sequence++, flags, payload })
    }
  }
  return { firsts, places }
}
