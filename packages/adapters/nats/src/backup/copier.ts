import { createWriteStream } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { type ByProject, type QueueCopier, SnapshotError, Tally } from "@millrace/core"
import { takeSnapshot } from "@millrace/core/account"
import { Effect, type Semaphore } from "effect"
import type { QueueLog } from "../QueueLog.ts"
import { type Counts, COUNTS_NAME, encodeCounts, encodeLetter, FOLDER, LETTERS_NAME } from "./files.ts"

const POLL_MILLIS = 50

const failed = (cause: unknown) => new SnapshotError({ of: "queue", behind: false, cause })

/** `replaying`: whoever has the permit keeps dead letters from being replayed or purged. */
export const copierOf = (log: QueueLog, replaying: Semaphore.Semaphore): QueueCopier => ({
  hold: ({ withinMillis }) =>
    Effect.andThen(
      Effect.acquireRelease(replaying.take(1), () => replaying.release(1), { interruptible: true }),
      Effect.timeoutOrElse(caughtUp(log), { duration: withinMillis, orElse: () => Effect.fail(late(withinMillis)) })
    ),
  copyTo: (directory, consumed) =>
    Effect.tryPromise({ try: () => copy(log, join(directory, FOLDER), consumed), catch: failed })
})

const late = (millis: number) => {
  const cause = new Error(`after ${millis} ms some of what was accepted before is not stored: is a worker at it?`)
  return new SnapshotError({ of: "queue", behind: true, cause })
}

/** By position, not by time: what the stream held at the call has been settled, whichever worker did it. */
const caughtUp = Effect.fnUntraced(function* (log: QueueLog) {
  const look = Effect.tryPromise({ try: () => takeSnapshot(log), catch: failed })
  const { sight } = yield* look
  while (true) {
    const { oldest } = yield* look
    if (oldest === undefined || oldest > sight.last) return
    yield* Effect.sleep(POLL_MILLIS)
  }
})

const OWNER_ONLY = 0o600

/** The counts first: a letter that comes meanwhile may be uncounted, but none is counted and missing. */
const copy = async (log: QueueLog, folder: string, consumed: ByProject): Promise<void> => {
  await mkdir(folder)
  await log.ledger.refresh()
  const { deadLettered, replayed } = log.ledger.state
  const counts: Counts = { accepted: new Tally(consumed).addAll(deadLettered).toRecord(), deadLettered, replayed }
  await writeFile(join(folder, COUNTS_NAME), encodeCounts(counts), { flag: "wx", mode: OWNER_ONLY })
  const file = createWriteStream(join(folder, LETTERS_NAME), { flags: "wx", mode: OWNER_ONLY })
  await pipeline(Readable.from(lettersOf(log)), file)
}

/** All messages of the stream of dead letters, as they are; those without a letter inside as well. */
async function* lettersOf({ broker, names }: QueueLog): AsyncGenerator<string> {
  for (let from = 1; ;) {
    const message = await broker.next(names.dead, from, ">")
    if (message === null) return
    yield encodeLetter(
      message.subject === names.subjects.unreadable
        ? { unreadable: Buffer.from(message.data).toString("base64") }
        : { letter: message.string() }
    )
    from = message.seq + 1
  }
}
