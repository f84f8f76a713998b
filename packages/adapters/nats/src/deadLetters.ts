import { createHash } from "node:crypto"
import { type FoundLetter, type LetterLog, lettersOf, type WrittenLetter } from "@millrace/core/account"
import type { DeadLetters, EventBatch } from "@millrace/core"
import type { Semaphore } from "effect"
import type { Broker, StoredMsg } from "./client.ts"
import type { QueueLog } from "./QueueLog.ts"
import { type Names, tokenOf } from "./subjects.ts"
import { isConflict } from "./errors.ts"

const ANSWER_MILLIS = 5_000

/** A stream with a subject for each letter, and one for messages that cannot be read. `queueId`: of the queue's identity. */
export const letterLogOf = (broker: Broker, { dead, subjects }: Names, queueId: () => string): LetterLog => {
  const written = (message: StoredMsg | null): WrittenLetter | undefined =>
    message?.subject.startsWith(`${subjects.letters}.`) === true
      ? { sequence: message.seq, text: message.string() }
      : undefined
  return {
    write: async ({ index, position, project_id }, text) => {
      const subject = `${subjects.letters}.${tokenOf(project_id)}.${position}.${index}`
      // Not an id for the server to recognise: its memory of ids ends after two minutes, that of subjects does not.
      const once = { expect: { lastSubjectSequence: 0 }, timeout: ANSWER_MILLIS }
      await broker.publish(subject, new TextEncoder().encode(text), once).catch((cause: unknown) => {
        if (!isConflict(cause)) throw cause
      })
    },
    next: async (sequence, project_id) => {
      const project = project_id === undefined ? "" : `${tokenOf(project_id)}.`
      return written(await broker.next(dead, sequence, `${subjects.letters}.${project}>`))
    },
    read: async (seq) => written(await broker.call(() => broker.streams.getMessage(dead, { seq }))),
    last: async () => (await broker.call(() => broker.streams.info(dead))).state.last_seq,
    delete: async (sequence) => {
      await broker.call(() => broker.streams.deleteMessage(dead, sequence, true))
    },
    keep: async (position, bytes) => {
      const once = position === undefined ? {} : { msgID: `${queueId()}/${position}` }
      await broker.publish(subjects.unreadable, bytes, { ...once, timeout: ANSWER_MILLIS })
    },
    nextKept: async (sequence) => {
      const message = await broker.next(dead, sequence, ">")
      if (message === null) return undefined
      return message.subject === subjects.unreadable
        ? { sequence: message.seq, unreadable: message.data }
        : { sequence: message.seq, text: message.string() }
    }
  }
}

export const deadLettersOf = (log: QueueLog, oneAtATime: Semaphore.Semaphore): DeadLetters["Service"] =>
  lettersOf(log, {
    oneAtATime,
    publishAgain: async (batch, letters) => {
      for (const part of batch.split(log.broker.maxPayloadBytes)) await republish(log, part, letters)
    }
  })

/**
 * Under an id of its own, since the broker may still remember the message the events first came in; made of the letters,
 * so that two replays of the same letters at the same time are one.
 */
const republish = (log: QueueLog, batch: EventBatch, found: ReadonlyArray<FoundLetter>): Promise<void> => {
  const hash = createHash("sha256").update(log.id).update(batch.ids).update(batch.project_id)
  for (const { sequence } of found) hash.update(`/${sequence}`)
  return log.publisher.send(batch, { replay: true, msgID: `replay-${hash.digest("hex")}` })
}
