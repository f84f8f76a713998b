import type { Range } from "./ranges.ts"

/**
 * The stream as the ledger numbers its messages. A stream that was deleted and made again, or put back to an older copy, hands
 * out the same sequences a second time, and so does one whose server was killed while it deleted the newest messages; a position
 * is handed out once.
 */
export interface Numbering {
  /** Identity of the queue: that of its first stream. */
  readonly log: string
  /** Of the present stream: what tells it from another of its name. */
  readonly stream: string
  /** From the first sequence on, position = sequence + offset; ascending, and so are the offsets. */
  readonly epochs: ReadonlyArray<readonly [fromSequence: number, offset: number]>
  /** Positions that only messages of an earlier stream have, of which nobody had told when it was gone. */
  readonly gaps: ReadonlyArray<Range>
}

/** More than publishers have under way, and have still to tell of. */
const GAP = 1 << 20

/** `known`: the last position that was told of; the stream now ends at sequence `last`. What the same one still holds keeps its place. */
export const renumbered = (
  { epochs, gaps, log, stream }: Numbering,
  now: { readonly stream: string; readonly last: number; readonly known: number }
): Numbering => {
  const start = now.known + GAP
  const next: Numbering["epochs"] =
    stream === now.stream
      ? [...epochs.filter(([from]) => from <= now.last), [now.last + 1, start - now.last]]
      : [[1, start]]
  return { log, stream: now.stream, epochs: next, gaps: [...gaps, [now.known + 1, start + 1]] }
}

/** Of the sequences that are handed out now; no two numberings of a queue share it. */
export const generationOf = ({ epochs }: Numbering): number => epochs.at(-1)![1]

/** Of the last message that the stream has ever had, if its last sequence is this. */
export const lastPosition = ({ epochs }: Numbering, sequence: number): number =>
  sequence + (epochs.findLast(([from]) => from <= sequence + 1)?.[1] ?? 0)

export const positionOf = ({ epochs }: Numbering, sequence: number): number =>
  sequence + (epochs.findLast(([from]) => from <= sequence)?.[1] ?? 0)

/** Undefined for what lay in a stream that is no more. */
export const sequenceOf = ({ epochs }: Numbering, position: number): number | undefined => {
  for (let at = epochs.length - 1; at >= 0; at--) {
    const [from, offset] = epochs[at]!
    const sequence = position - offset
    if (sequence >= from) return sequence < (epochs[at + 1]?.[0] ?? Number.POSITIVE_INFINITY) ? sequence : undefined
  }
  return undefined
}

/** The positions of the sequences `[first, end)`. */
export const positionsOf = (numbering: Numbering, [first, end]: Range): ReadonlyArray<Range> =>
  numbering.epochs.flatMap(([from, offset], at) => {
    const start = Math.max(first, from)
    const past = Math.min(end, numbering.epochs[at + 1]?.[0] ?? end)
    return start < past ? [[start + offset, past + offset] as const] : []
  })
