import {
  type Label,
  lastPosition,
  type Numbering,
  positionsOf,
  type Range,
  RangeSet,
  sequenceOf
} from "@millrace/core/account"
import type { StreamInfo } from "../client.ts"
import type { QueueLog } from "../QueueLog.ts"
import { labelOf } from "../subjects.ts"

/** What the stream holds, as the server says at one instant. */
export interface Sight {
  readonly info: StreamInfo
  /** Positions. */
  readonly held: RangeSet
  readonly last: number
}

type View = Pick<QueueLog, "broker" | "names" | "ledger">

const READS = 5

/** The server reads its counters and its index one after the other; only what agrees was read at one instant. */
export const readStream = async ({ broker, names }: View): Promise<StreamInfo> => {
  for (let read = 1; ; read++) {
    const info = await broker.call(() =>
      broker.streams.info(names.events, { subjects_filter: ">", deleted_details: true })
    )
    if (agrees(info) || read === READS) return info
  }
}

export const agrees = ({ state }: StreamInfo): boolean =>
  Object.values(state.subjects ?? {}).reduce((sum, messages) => sum + messages, 0) === state.messages

export const sightOf = (numbering: Numbering, info: StreamInfo): Sight => ({
  info,
  held: new RangeSet(heldSequences(info).flatMap((range) => positionsOf(numbering, range))),
  last: lastPosition(numbering, info.state.last_seq)
})

const heldSequences = ({ state }: StreamInfo): ReadonlyArray<Range> => {
  if (state.messages === 0) return []
  const held: Array<Range> = []
  let from = state.first_seq
  for (const gap of (state.deleted ?? []).toSorted((left, right) => left - right)) {
    if (gap > from) held.push([from, gap])
    from = Math.max(from, gap + 1)
  }
  if (from <= state.last_seq) held.push([from, state.last_seq + 1])
  return held
}

/** What is known of a message that lies in the stream; undefined when it is not there any more. */
export const labelAt = async ({ broker, ledger, names }: View, position: number): Promise<Label | undefined> => {
  const { state } = ledger
  const recent = state.recent(position) ?? state.watch?.expected.get(position)
  if (recent !== undefined) return recent
  const seq = state.watch === undefined ? position : sequenceOf(state.watch.numbering, position)
  if (seq === undefined) return undefined
  const message = await broker.call(() => broker.streams.getMessage(names.events, { seq }))
  return message === null ? undefined : (labelOf(names.subjects.events, message.subject) ?? NO_EVENTS)
}

/** Of what was not published by a queue, or only to wake it. */
export const NO_EVENTS: Label = { project_id: "", count: 0, replay: false }
