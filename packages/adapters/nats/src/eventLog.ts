import { type EventLog, type Holding, NO_EVENTS, type Range } from "@millrace/core/account"
import type { Broker, StreamInfo } from "./client.ts"
import { idOf } from "./streams.ts"
import { labelOf, type Names, tokenOf } from "./subjects.ts"

/** `handedOut`: what the present consumer has. */
export const eventLogOf = (broker: Broker, names: Names, handedOut: () => Promise<number>): EventLog => ({
  engine: "nats",
  name: names.events,
  look: async () => {
    const all = { subjects_filter: ">", deleted_details: true }
    return holdingOf(names, await broker.call(() => broker.streams.info(names.events, all)))
  },
  labelAt: async (seq) => {
    const message = await broker.call(() => broker.streams.getMessage(names.events, { seq }))
    return message === null ? undefined : (labelOf(names.subjects.events, message.subject) ?? NO_EVENTS)
  },
  handedOut,
  next: async (sequence, project_id) => {
    const project = project_id === undefined ? "*" : tokenOf(project_id)
    const message = await broker.next(names.events, sequence, `${names.subjects.events}.*.${project}.*`)
    if (message === null) return undefined
    const label = labelOf(names.subjects.events, message.subject)
    return { sequence: message.seq, label, bytes: message.data }
  },
  nextEmpty: async (sequence) => (await broker.next(names.events, sequence, names.subjects.nudge))?.seq,
  // One by one: a purge by subject leaves some behind on 2.9.
  delete: async (sequence, { overwrite }) => {
    await broker.call(() => broker.streams.deleteMessage(names.events, sequence, overwrite))
  }
})

const holdingOf = ({ subjects }: Names, info: StreamInfo): Holding => {
  const bySubject = Object.entries(info.state.subjects ?? {})
  return {
    stream: idOf(info),
    made: info.created,
    last: info.state.last_seq,
    held: heldIn(info),
    labels: bySubject.flatMap(([subject, messages]) => {
      const label = labelOf(subjects.events, subject)
      return label === undefined ? [] : [[label, messages] as const]
    }),
    empty: info.state.subjects?.[subjects.nudge] ?? 0,
    bytes: info.state.bytes,
    // The server reads its counters and its index one after the other.
    isConsistent: bySubject.reduce((sum, [, messages]) => sum + messages, 0) === info.state.messages
  }
}

const heldIn = ({ state }: StreamInfo): ReadonlyArray<Range> => {
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
