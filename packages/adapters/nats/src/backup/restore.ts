import { createReadStream } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { RestoreError, type Restorer } from "@millrace/core"
import { decodeLetter, LedgerLog } from "@millrace/core/account"
import { Effect } from "effect"
import { Broker } from "../client.ts"
import { type NatsOptions, resolveOptions } from "../config.ts"
import { recordLogOf } from "../recordLog.ts"
import { openStreams } from "../streams.ts"
import { type Names, namesOf, tokenOf } from "../subjects.ts"
import { type Counts, COUNTS_NAME, decodeCounts, decodeLine, FOLDER, LETTERS_NAME } from "./files.ts"

/** Letters on their way at once. */
const WINDOW = 64
const ANSWER_MILLIS = 5_000

interface Place {
  readonly broker: Broker
  readonly names: Names
}

/** Puts dead letters and counts of a backup into streams that no event has passed through. */
export const restorer = (options: NatsOptions): Restorer => ({
  look: () => within(options, (place) => checkUnused(place).then(() => "empty" as const)),
  restore: (directory) =>
    within(options, async (place) => {
      await checkUnused(place)
      // Of an earlier try that was cut short.
      for (const stream of [place.names.dead, place.names.ledger]) {
        await place.broker.call(() => place.broker.streams.purge(stream))
      }
      await publishLetters(place, join(directory, FOLDER, LETTERS_NAME))
      await record(place, decodeCounts(await readFile(join(directory, FOLDER, COUNTS_NAME), "utf8")))
    })
})

const failed = (cause: unknown) =>
  cause instanceof RestoreError ? cause : new RestoreError({ of: "queue", reason: "Failed", cause })

const within = <A>(options: NatsOptions, body: (place: Place) => Promise<A>): Effect.Effect<A, RestoreError> =>
  Effect.tryPromise({
    try: async () => {
      const resolved = resolveOptions(options)
      const broker = await Broker.connect(resolved)
      try {
        const names = namesOf(resolved.name)
        await openStreams(broker, names, resolved)
        return await body({ broker, names })
      } finally {
        await broker.connection.close()
      }
    },
    catch: failed
  })

const checkUnused = async ({ broker, names }: Place): Promise<void> => {
  const { state } = await broker.call(() => broker.streams.info(names.events))
  // A server that was killed may have forgotten how far the stream had come; what was settled says so.
  const ledger = new LedgerLog(recordLogOf(broker, names))
  await ledger.refresh()
  if (state.last_seq === 0 && ledger.state.last === 0) return
  const cause = new Error(`the stream ${names.events} has been used: take another name (MILLRACE_NATS_NAME)`)
  throw new RestoreError({ of: "queue", reason: "NotEmpty", cause })
}

/** In their order. The position in their subjects is one that no message has, so no letter to come meets them there. */
const NO_POSITION = 0

const publishLetters = async ({ broker, names }: Place, file: string): Promise<void> => {
  let index = 0
  const send = (text: string) => {
    const line = decodeLine(text)
    const [subject, bytes] =
      "letter" in line
        ? [subjectOf(names, line.letter, index++), Buffer.from(line.letter)]
        : [names.subjects.unreadable, Buffer.from(line.unreadable, "base64")]
    return broker.publish(subject, bytes, { timeout: ANSWER_MILLIS })
  }
  let lines: Array<string> = []
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    lines.push(text)
    if (lines.length < WINDOW) continue
    await Promise.all(lines.map(send))
    lines = []
  }
  await Promise.all(lines.map(send))
}

const subjectOf = ({ subjects }: Names, letter: string, index: number): string =>
  `${subjects.letters}.${tokenOf(decodeLetter(letter).event.project_id)}.${NO_POSITION}.${index}`

/** As messages that were settled long since, at positions that none has: what is folded by position counts them once. */
const record = async ({ broker, names }: Place, { accepted, deadLettered, replayed }: Counts): Promise<void> => {
  const ledger = new LedgerLog(recordLogOf(broker, names))
  let position = -1
  for (const [project_id, events] of Object.entries(accepted)) {
    const dead = deadLettered[project_id] ?? 0
    const again = Math.min(events, replayed[project_id] ?? 0)
    if (dead > 0) await ledger.append({ _tag: "Dead", position, project_id, ranges: [[0, dead]] })
    const messages = [
      { position: position--, project_id, count: events - again, replay: false },
      { position: position--, project_id, count: again, replay: true }
    ]
    await ledger.append({ _tag: "Settled", messages })
  }
}
