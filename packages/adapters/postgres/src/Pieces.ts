import type { EventBatch } from "@millrace/core"

/** Events `[start, end)` of a batch. */
export interface Piece {
  readonly batch: EventBatch
  readonly start: number
  readonly end: number
}

/** `[start, end)` in the offsets of one queue message. */
export type Range = readonly [start: number, end: number]

/** The parts of `range` that `taken` does not cover. */
export const subtract = (range: Range, taken: ReadonlyArray<Range>): ReadonlyArray<Range> =>
  taken.reduce<ReadonlyArray<Range>>(
    (rest, [from, until]) =>
      rest.flatMap(([start, end]): ReadonlyArray<Range> => {
        if (until <= start || from >= end) return [[start, end]]
        return [...(start < from ? [[start, from] as const] : []), ...(until < end ? [[until, end] as const] : [])]
      }),
    [range]
  )

export const whole = (batch: EventBatch): Piece => ({ batch, start: 0, end: batch.count })

export const countOf = (pieces: ReadonlyArray<Piece>): number =>
  pieces.reduce((sum, { end, start }) => sum + end - start, 0)

export interface Message {
  readonly log: string
  readonly position: number
  readonly batches: ReadonlyArray<EventBatch>
}

/** Batches by the queue message they came in, ordered so that two appends never wait for each other in a circle. */
export const messagesOf = (batches: ReadonlyArray<EventBatch>): ReadonlyArray<Message> => {
  const messages = new Map<string, { log: string; position: number; batches: Array<EventBatch> }>()
  for (const batch of batches) {
    if (batch.origin === undefined) continue
    const { log, position } = batch.origin
    const key = `${position}/${log}`
    const message = messages.get(key)
    if (message === undefined) messages.set(key, { log, position, batches: [batch] })
    else message.batches.push(batch)
  }
  return [...messages.values()].toSorted(
    (left, right) => left.position - right.position || (left.log < right.log ? -1 : Number(left.log > right.log))
  )
}

/** What a message's batches add to the offsets consumed before, batch by batch. */
export const freshPieces = (message: Message, consumed: ReadonlyArray<Range>): ReadonlyArray<Piece> => {
  const taken = [...consumed]
  const pieces: Array<Piece> = []
  for (const batch of message.batches) {
    const { offset } = batch.origin!
    const fresh = subtract([offset, offset + batch.count], taken)
    taken.push(...fresh)
    pieces.push(...fresh.map(([start, end]) => ({ batch, start: start - offset, end: end - offset })))
  }
  return pieces
}

/** PostgreSQL's text form of a multirange. */
export const multirange = (pieces: ReadonlyArray<Piece>): string =>
  `{${pieces.map(({ batch, end, start }) => `[${batch.origin!.offset + start},${batch.origin!.offset + end})`).join(",")}}`
