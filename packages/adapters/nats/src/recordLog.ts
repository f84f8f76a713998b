import type { RecordLog } from "@millrace/core/account"
import type { Broker } from "./client.ts"
import type { Names } from "./subjects.ts"
import { isConflict, isTimeout } from "./errors.ts"

const ANSWER_MILLIS = 5_000

/** A stream with a subject for records and one for checkpoints. */
export const recordLogOf = (broker: Broker, { ledger, subjects }: Names): RecordLog => ({
  append: async (record) => {
    const send = () => broker.publish(subjects.record, record, { timeout: ANSWER_MILLIS })
    const { seq } = await send().catch((cause: unknown) => (isTimeout(cause) ? send() : Promise.reject(cause)))
    return seq
  },
  end: async () => {
    const { created, state } = await broker.call(() => broker.streams.info(ledger))
    return { last: state.last_seq, made: created }
  },
  read: async (seq) => {
    const message = await broker.call(() => broker.streams.getMessage(ledger, { seq }))
    if (message === null) return undefined
    const record = message.subject === subjects.record ? message.string() : undefined
    return { record, writtenAt: message.timestamp }
  },
  checkpoint: async () => {
    const newest = { last_by_subj: subjects.checkpoint }
    const message = await broker.call(() => broker.streams.getMessage(ledger, newest))
    return message === null ? undefined : { sequence: message.seq, text: message.string() }
  },
  writeCheckpoint: (checkpoint, before) =>
    broker
      .publish(subjects.checkpoint, checkpoint, {
        expect: { lastSubjectSequence: before },
        timeout: ANSWER_MILLIS
      })
      .then(
        () => true,
        (cause: unknown) => (isConflict(cause) ? false : Promise.reject(cause))
      ),
  cut: async (sequence) => {
    await broker.call(() => broker.streams.purge(ledger, { filter: subjects.record, seq: sequence + 1 }))
    await broker.call(() => broker.streams.purge(ledger, { filter: subjects.checkpoint, keep: 1 }))
  }
})
