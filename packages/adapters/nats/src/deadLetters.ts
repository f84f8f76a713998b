import { createHash } from "node:crypto"
import {
  type DeadLetter,
  type DeadLetters,
  type DeadLetterSelection,
  EventBatch,
  type Tombstones
} from "@millrace/core"
import { Effect, type Semaphore } from "effect"
import { queueError, type StoredMsg } from "./client.ts"
import { decodeLetter, setAside } from "./letters.ts"
import type { QueueLog } from "./QueueLog.ts"
import { tokenOf } from "./subjects.ts"

/** Letters read, published or deleted in one step. */
const CHUNK_LETTERS = 64
/** Decimal, so that ids sort as text. */
const ID_DIGITS = 16

const idOf = (sequence: number) => String(sequence).padStart(ID_DIGITS, "0")
const sequenceOf = (id: string): number | undefined => (/^\d{1,16}$/u.test(id) ? Number(id) : undefined)

interface Found {
  readonly sequence: number
  readonly letter: DeadLetter
}

/** By sequence in the stream of dead letters. `oneAtATime`: two replays of the same letter would publish it twice. */
export const deadLettersOf = (log: QueueLog, oneAtATime: Semaphore.Semaphore): DeadLetters["Service"] => {
  const attempt = <A>(task: () => Promise<A>) =>
    Effect.tryPromise({ try: task, catch: (cause) => queueError("deadLetters", cause) })
  const forEachChunk = (selection: DeadLetterSelection, step: (found: ReadonlyArray<Found>) => Promise<void>) =>
    attempt(async () => {
      let done = 0
      for await (const found of chunksOf(log, selection)) {
        await step(found)
        done += found.length
      }
      return done
    }).pipe((task) => oneAtATime.withPermit(task))
  return {
    put: (batch, reason) => setAside(log, batch, reason),
    list: ({ after, limit, project_id }) =>
      attempt(async () => {
        const found = await page(log, { from: (sequenceOf(after ?? "0") ?? 0) + 1, limit, project_id })
        return found.map(({ letter }) => letter)
      }),
    purge: (selection) => forEachChunk(selection, (found) => removeLetters(log, found)),
    replay: (selection) =>
      forEachChunk(selection, async (found) => {
        for (const batch of EventBatch.group(found.map(({ letter }) => letter.event))) {
          for (const part of batch.split(log.broker.maxPayloadBytes)) await republish(log, part, found)
        }
        // Only now: a crash before this publishes them again, and identity absorbs that.
        await removeLetters(log, found)
      })
  }
}

/**
 * Under an id of its own, since the broker may still remember the message the events first came in; made of the letters,
 * so that two replays of the same letters at the same time are one.
 */
const republish = (log: QueueLog, batch: EventBatch, found: ReadonlyArray<Found>): Promise<void> => {
  const hash = createHash("sha256").update(log.id).update(batch.ids).update(batch.project_id)
  for (const { sequence } of found) hash.update(`/${sequence}`)
  return log.publisher.send(batch, { replay: true, msgID: `replay-${hash.digest("hex")}` })
}

async function* chunksOf(log: QueueLog, selection: DeadLetterSelection): AsyncGenerator<ReadonlyArray<Found>> {
  if (selection === "all") {
    // Up to the last letter there is now: what a replay brings back must not be replayed in the same breath.
    const { state } = await log.broker.call(() => log.broker.streams.info(log.names.dead))
    for (let from = 1; ;) {
      const found = (await page(log, { from, limit: CHUNK_LETTERS, project_id: undefined })).filter(
        ({ sequence }) => sequence <= state.last_seq
      )
      if (found.length === 0) return
      yield found
      from = found.at(-1)!.sequence + 1
    }
  }
  const sequences = [...new Set(selection.map(sequenceOf))].filter((sequence) => sequence !== undefined)
  const sorted = sequences.toSorted((left, right) => left - right)
  for (let at = 0; at < sorted.length; at += CHUNK_LETTERS) {
    const found = await Promise.all(sorted.slice(at, at + CHUNK_LETTERS).map((sequence) => read(log, sequence)))
    const letters = found.filter((one) => one !== undefined)
    if (letters.length > 0) yield letters
  }
}

const page = async (
  log: QueueLog,
  options: { readonly from: number; readonly limit: number; readonly project_id: string | undefined }
): Promise<ReadonlyArray<Found>> => {
  const project = options.project_id === undefined ? "" : `${tokenOf(options.project_id)}.`
  const letters: Array<Found> = []
  for (let from = options.from; letters.length < options.limit;) {
    const found = foundIn(log, await log.broker.next(log.names.dead, from, `${log.names.subjects.letters}.${project}>`))
    if (found === undefined) break
    letters.push(found)
    from = found.sequence + 1
  }
  return letters
}

const read = async (log: QueueLog, seq: number): Promise<Found | undefined> =>
  foundIn(log, await log.broker.call(() => log.broker.streams.getMessage(log.names.dead, { seq })))

const foundIn = (log: QueueLog, message: StoredMsg | null): Found | undefined =>
  message?.subject.startsWith(`${log.names.subjects.letters}.`) === true
    ? { sequence: message.seq, letter: { id: idOf(message.seq), ...decodeLetter(message.string()) } }
    : undefined

/** Their bytes are overwritten: a letter may be purged for what it holds. */
export const removeLetters = async (log: QueueLog, found: ReadonlyArray<Found>): Promise<void> => {
  for (let at = 0; at < found.length; at += CHUNK_LETTERS) {
    await Promise.all(
      found
        .slice(at, at + CHUNK_LETTERS)
        .map(({ sequence }) => log.broker.call(() => log.broker.streams.deleteMessage(log.names.dead, sequence, true)))
    )
  }
}

export const coveredLetters = async (
  log: QueueLog,
  tombstones: Tombstones,
  project_id: string
): Promise<ReadonlyArray<Found>> => {
  const covered: Array<Found> = []
  for (let from = 1; ;) {
    const found = await page(log, { from, limit: CHUNK_LETTERS, project_id })
    covered.push(...found.filter(({ letter }) => tombstones.covers(letter.event)))
    if (found.length < CHUNK_LETTERS) return covered
    from = found.at(-1)!.sequence + 1
  }
}
