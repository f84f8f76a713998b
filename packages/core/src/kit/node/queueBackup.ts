import { createReadStream, createWriteStream } from "node:fs"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { Effect, Schema, type Semaphore } from "effect"
import type { ByProject } from "../../event/Event.ts"
import { type QueueCopier, RestoreError, type Restorer, SnapshotError } from "../../port/Snapshot.ts"
import { countsFor, decodeCounts, encodeCounts, recordCounts } from "../account/counts.ts"
import type { LedgerLog } from "../account/LedgerLog.ts"
import type { LogQueue } from "../account/LogQueue.ts"
import type { LetterLog } from "../account/primitives.ts"
import { decodeLetter } from "../account/setAside.ts"
import { takeSnapshot } from "../account/snapshot.ts"

const COUNTS_NAME = "counts.json"
const LETTERS_NAME = "letters.ndjson"
const OWNER_ONLY = 0o600
const POLL_MILLIS = 50
/** Letters on their way at once. */
const WINDOW = 64

/** A line of the file: a letter's own text, or the bytes of a message that was none, in base64. */
const LetterLine = Schema.fromJsonString(
  Schema.Union([Schema.Struct({ letter: Schema.String }), Schema.Struct({ unreadable: Schema.String })])
)
const encodeLine = Schema.encodeSync(LetterLine)
const decodeLine = Schema.decodeUnknownSync(LetterLine)

const copyFailed = (cause: unknown) => new SnapshotError({ of: "queue", behind: false, cause })

export interface CopierOptions {
  /** Below the folder of a backup. */
  readonly folder: string
  /** Whoever has the permit keeps dead letters from being replayed or purged. */
  readonly replaying: Semaphore.Semaphore
}

/** Copies the dead letters and the counts of a queue on a log; what waits is waited for. */
export const queueCopier = (queue: LogQueue, { folder, replaying }: CopierOptions): QueueCopier => ({
  hold: ({ withinMillis }) =>
    Effect.andThen(
      Effect.acquireRelease(replaying.take(1), () => replaying.release(1), { interruptible: true }),
      Effect.timeoutOrElse(caughtUp(queue), { duration: withinMillis, orElse: () => Effect.fail(late(withinMillis)) })
    ),
  copyTo: (directory, consumed) =>
    Effect.tryPromise({ try: () => copy(queue, join(directory, folder), consumed), catch: copyFailed })
})

const late = (millis: number) => {
  const cause = new Error(`after ${millis} ms some of what was accepted before is not stored: is a worker at it?`)
  return new SnapshotError({ of: "queue", behind: true, cause })
}

/** By position, not by time: what the stream held at the call has been settled, whichever worker did it. */
const caughtUp = Effect.fnUntraced(function* (queue: LogQueue) {
  const look = Effect.tryPromise({ try: () => takeSnapshot(queue), catch: copyFailed })
  const { sight } = yield* look
  while (true) {
    const { oldest } = yield* look
    if (oldest === undefined || oldest > sight.last) return
    yield* Effect.sleep(POLL_MILLIS)
  }
})

/** The counts first: a letter that comes meanwhile may be uncounted, but none is counted and missing. */
const copy = async ({ ledger, letters }: LogQueue, folder: string, consumed: ByProject): Promise<void> => {
  await mkdir(folder)
  const counts = encodeCounts(await countsFor(ledger, consumed))
  await writeFile(join(folder, COUNTS_NAME), counts, { flag: "wx", mode: OWNER_ONLY })
  const file = createWriteStream(join(folder, LETTERS_NAME), { flags: "wx", mode: OWNER_ONLY })
  await pipeline(Readable.from(linesOf(letters)), file)
}

/** All that lies in the log of dead letters, as it is; what holds no letter as well. */
async function* linesOf(letters: LetterLog): AsyncGenerator<string> {
  for (let from = 1; ;) {
    const kept = await letters.nextKept(from)
    if (kept === undefined) return
    const line =
      "text" in kept ? { letter: kept.text } : { unreadable: Buffer.from(kept.unreadable).toString("base64") }
    yield `${encodeLine(line)}\n`
    from = kept.sequence + 1
  }
}

/** A queue that copies are put back into. */
export interface RestoreTarget {
  /** Told to whoever finds it used. */
  readonly used: string
  /** Whether any event has ever passed through. */
  readonly isUsed: () => Promise<boolean>
  /** Empties letters and ledger of an earlier try that was cut short. */
  readonly clear: () => Promise<void>
  readonly ledger: LedgerLog
  readonly letters: LetterLog
  readonly close: () => Promise<void>
}

/** Puts dead letters and counts of a copy into a queue that no event has passed through. */
export const queueRestorer = (folder: string, open: () => Promise<RestoreTarget>): Restorer => {
  const within = <A>(body: (target: RestoreTarget) => Promise<A>): Effect.Effect<A, RestoreError> =>
    Effect.tryPromise({
      try: async () => {
        const target = await open()
        try {
          return await body(target)
        } finally {
          await target.close()
        }
      },
      catch: (cause) =>
        cause instanceof RestoreError ? cause : new RestoreError({ of: "queue", reason: "Failed", cause })
    })
  return {
    look: () => within((target) => checkUnused(target).then(() => "empty" as const)),
    restore: (directory) =>
      within(async (target) => {
        await checkUnused(target)
        await target.clear()
        await writeLetters(target.letters, join(directory, folder, LETTERS_NAME))
        const counts = decodeCounts(await readFile(join(directory, folder, COUNTS_NAME), "utf8"))
        await recordCounts(target.ledger, counts)
      })
  }
}

const checkUnused = async ({ isUsed, ledger, used }: RestoreTarget): Promise<void> => {
  // A server that was killed may have forgotten how far the stream had come; what was settled says so.
  await ledger.refresh()
  if (!(await isUsed()) && ledger.state.last === 0) return
  const cause = new Error(used)
  throw new RestoreError({ of: "queue", reason: "NotEmpty", cause })
}

/** Of letters in a copy. No message has it, so no letter to come meets them there. */
const NO_POSITION = 0

/** In their order. */
const writeLetters = async (letters: LetterLog, file: string): Promise<void> => {
  let index = 0
  const write = (text: string): Promise<void> => {
    const line = decodeLine(text)
    if ("unreadable" in line) return letters.keep(undefined, Buffer.from(line.unreadable, "base64"))
    const { project_id } = decodeLetter(line.letter).event
    return letters.write({ project_id, position: NO_POSITION, index: index++ }, line.letter)
  }
  let lines: Array<string> = []
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    lines.push(text)
    if (lines.length < WINDOW) continue
    await Promise.all(lines.map(write))
    lines = []
  }
  await Promise.all(lines.map(write))
}
