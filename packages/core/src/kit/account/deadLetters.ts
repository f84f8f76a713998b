import { Effect, type Semaphore } from "effect"
import { EventBatch } from "../../event/EventBatch.ts"
import type { Tombstones } from "../../event/Tombstones.ts"
import type { LogQueue } from "./LogQueue.ts"
import type { LetterLog, WrittenLetter } from "./primitives.ts"
import { decodeLetter, setAside } from "./setAside.ts"
import type { DeadLetter, DeadLetters, DeadLetterSelection } from "../../port/DeadLetters.ts"

/** Letters read, published or deleted in one step. */
const CHUNK_LETTERS = 64
/** Decimal, so that ids sort as text. */
const ID_DIGITS = 16

const idOf = (sequence: number) => String(sequence).padStart(ID_DIGITS, "0")
const sequenceOf = (id: string): number | undefined => (/^\d{1,16}$/u.test(id) ? Number(id) : undefined)

export interface FoundLetter {
  readonly sequence: number
  readonly letter: DeadLetter
}

const foundIn = ({ sequence, text }: WrittenLetter): FoundLetter => ({
  sequence,
  letter: { id: idOf(sequence), ...decodeLetter(text) }
})

interface Replaying {
  /** Two replays of the same letter would publish it twice. */
  readonly oneAtATime: Semaphore.Semaphore
  /** Publishes events of letters again, so that two replays of the same letters at the same time are one. */
  readonly publishAgain: (batch: EventBatch, letters: ReadonlyArray<FoundLetter>) => Promise<void>
}

/** The dead letters of a queue, by sequence in their log. */
export const lettersOf = (queue: LogQueue, { oneAtATime, publishAgain }: Replaying): DeadLetters["Service"] => {
  const { errorOf, letters } = queue
  const attempt = <A>(task: () => Promise<A>) =>
    Effect.tryPromise({ try: task, catch: (cause) => errorOf("deadLetters", cause) })
  const forEachChunk = (selection: DeadLetterSelection, step: (found: ReadonlyArray<FoundLetter>) => Promise<void>) =>
    attempt(async () => {
      let done = 0
      for await (const found of chunksOf(letters, selection)) {
        await step(found)
        done += found.length
      }
      return done
    }).pipe((task) => oneAtATime.withPermit(task))
  return {
    put: (batch, reason) => setAside(queue, batch, reason),
    list: ({ after, limit, project_id }) =>
      attempt(async () => {
        const found = await page(letters, { from: (sequenceOf(after ?? "0") ?? 0) + 1, limit, project_id })
        return found.map(({ letter }) => letter)
      }),
    purge: (selection) => forEachChunk(selection, (found) => removeLetters(letters, found)),
    replay: (selection) =>
      forEachChunk(selection, async (found) => {
        for (const batch of EventBatch.group(found.map(({ letter }) => letter.event))) await publishAgain(batch, found)
        // Only now: a crash before this publishes them again, and identity absorbs that.
        await removeLetters(letters, found)
      })
  }
}

async function* chunksOf(
  letters: LetterLog,
  selection: DeadLetterSelection
): AsyncGenerator<ReadonlyArray<FoundLetter>> {
  if (selection === "all") {
    // Up to the last letter there is now: what a replay brings back must not be replayed in the same breath.
    const last = await letters.last()
    for (let from = 1; ;) {
      const found = (await page(letters, { from, limit: CHUNK_LETTERS, project_id: undefined })).filter(
        ({ sequence }) => sequence <= last
      )
      if (found.length === 0) return
      yield found
      from = found.at(-1)!.sequence + 1
    }
  }
  const sequences = [...new Set(selection.map(sequenceOf))].filter((sequence) => sequence !== undefined)
  const sorted = sequences.toSorted((left, right) => left - right)
  for (let at = 0; at < sorted.length; at += CHUNK_LETTERS) {
    const read = await Promise.all(sorted.slice(at, at + CHUNK_LETTERS).map((sequence) => letters.read(sequence)))
    const found = read.filter((one) => one !== undefined).map(foundIn)
    if (found.length > 0) yield found
  }
}

const page = async (
  letters: LetterLog,
  options: { readonly from: number; readonly limit: number; readonly project_id: string | undefined }
): Promise<ReadonlyArray<FoundLetter>> => {
  const found: Array<FoundLetter> = []
  for (let from = options.from; found.length < options.limit;) {
    const next = await letters.next(from, options.project_id)
    if (next === undefined) break
    found.push(foundIn(next))
    from = next.sequence + 1
  }
  return found
}

export const removeLetters = async (letters: LetterLog, found: ReadonlyArray<FoundLetter>): Promise<void> => {
  for (let at = 0; at < found.length; at += CHUNK_LETTERS) {
    await Promise.all(found.slice(at, at + CHUNK_LETTERS).map(({ sequence }) => letters.delete(sequence)))
  }
}

export const coveredLetters = async (
  letters: LetterLog,
  tombstones: Tombstones,
  project_id: string
): Promise<ReadonlyArray<FoundLetter>> => {
  const covered: Array<FoundLetter> = []
  for (let from = 1; ;) {
    const found = await page(letters, { from, limit: CHUNK_LETTERS, project_id })
    covered.push(...found.filter(({ letter }) => tombstones.isErased(letter.event)))
    if (found.length < CHUNK_LETTERS) return covered
    from = found.at(-1)!.sequence + 1
  }
}
