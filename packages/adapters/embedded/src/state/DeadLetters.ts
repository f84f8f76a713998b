import {
  type DeadLetter,
  type DeadLetterReason,
  type Event,
  PersistedLetter,
  redact,
  Tally,
  type Tombstones
} from "@millrace/core"
import type { Files } from "@millrace/core/node"
import { Schema } from "effect"
import type { AppendError, LogBroken } from "../log/errors.ts"
import type { Inspection } from "../log/inspectSegments.ts"
import { SegmentLog } from "../log/SegmentLog.ts"
import type { SegmentLogOptions } from "../log/SegmentLogOptions.ts"
import type { Checkpoint } from "./Checkpoint.ts"

/** An event set aside, and its place in the log, where it counts no more. */
const Letter = Schema.Struct({
  position: Schema.Int,
  index: Schema.Int,
  /** Identities were decided up to this record when it was set aside: see {@link Removal}. */
  settledUpTo: Schema.Int,
  ...PersistedLetter.fields
})
export type Letter = typeof Letter.Type

const Closing = Schema.Struct({
  closed: Schema.Array(Schema.Int),
  replayed: Schema.Array(Schema.Tuple([Schema.String, Schema.Int]))
})
const decodeEntry = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Union([Letter, Closing])))

/**
 * Which event of the log is a dead letter, and since when: an event that was decided to be an id's first stays so for
 * the records decided before it was set aside, also when everything is worked out again after a restart.
 */
export interface Removal {
  readonly position: number
  readonly index: number
  readonly settledUpTo: number
  readonly event_id: string
}

interface Entry {
  readonly position: number
  readonly project_id: string
  open: boolean
}

/** The dead letters as their files hold them. */
export interface InspectedLetters {
  readonly inspection: Inspection
  readonly start: (id: string) => Promise<DeadLetters>
}

interface DeadLettersOptions {
  readonly id: string | undefined
  readonly made: boolean
  readonly directory: string
  readonly segmentBytes: number
  readonly maxBytes: number
  readonly files: Files
  readonly known: Checkpoint["letters"]
  readonly onRemoval: (removal: Removal) => void
}

/**
 * The dead letters, in a log of their own: a record for each letter, and one for each time that some are taken off
 * the list. Memory holds a few words a letter; events are read back when asked for.
 */
export class DeadLetters {
  readonly deadLettered: Tally
  readonly replayed: Tally
  readonly #log: SegmentLog
  readonly #entries: Map<number, Entry>

  private constructor(log: SegmentLog, entries: Map<number, Entry>, deadLettered: Tally, replayed: Tally) {
    this.#log = log
    this.#entries = entries
    this.deadLettered = deadLettered
    this.replayed = replayed
  }

  /** Reads all of it, and changes nothing. */
  static async inspect(options: DeadLettersOptions): Promise<InspectedLetters> {
    const { directory, known, maxBytes, files, segmentBytes } = options
    const deadLettered = new Tally(known.deadLettered)
    const replayed = new Tally(known.replayed)
    const entries = new Map<number, Entry>()
    const log: SegmentLogOptions = {
      directory,
      segmentBytes,
      maxBytes,
      maxPendingBytes: maxBytes,
      files,
      id: options.id,
      made: options.made,
      droppedUpTo: known.droppedUpTo,
      onRecord: ({ payload, sequence }) => {
        const entry = decodeEntry(payload.toString("utf8"))
        const counts = sequence > known.countedUpTo
        if ("closed" in entry) {
          for (const id of entry.closed) close(entries, id)
          if (counts) for (const [project_id, count] of entry.replayed) replayed.add(project_id, count)
          return
        }
        const { event, index, position, settledUpTo } = entry
        entries.set(sequence, { position, project_id: event.project_id, open: true })
        if (counts) deadLettered.add(event.project_id, 1)
        options.onRemoval({ position, index, settledUpTo, event_id: event.event_id })
      }
    }
    const inspection = await SegmentLog.inspect(log)
    const start = async (id: string) =>
      new DeadLetters(await SegmentLog.start({ ...log, id }, inspection), entries, deadLettered, replayed)
    return { inspection, start }
  }

  /** Why nothing can be written any more. */
  get broken(): LogBroken | undefined {
    return this.#log.broken
  }

  onBroken(callback: (broken: LogBroken) => void): void {
    this.#log.onBroken = callback
  }

  /** Durable when it resolves; rejects with an {@link AppendError}. `onDurable` runs together with the count. */
  async add(letters: ReadonlyArray<Letter>, onDurable: (letter: Letter) => void): Promise<void> {
    const payloads = letters.map((letter) => Buffer.from(JSON.stringify(letter)))
    await this.#append(payloads, (first) => {
      for (const [index, letter] of letters.entries()) {
        const { position, event } = letter
        this.#entries.set(first + index, { position, project_id: event.project_id, open: true })
        this.deadLettered.add(event.project_id, 1)
        onDurable(letter)
      }
    })
  }

  /** Takes letters off the list, durably. */
  async close(ids: ReadonlyArray<number>, outcome: "replayed" | "purged"): Promise<void> {
    const tally = new Tally()
    for (const id of ids) tally.add(this.#entries.get(id)!.project_id, 1)
    const replayed = outcome === "replayed" ? tally : new Tally()
    const closing: typeof Closing.Type = { closed: ids, replayed: replayed.toEntries() }
    await this.#append([Buffer.from(JSON.stringify(closing))], () => {
      for (const id of ids) close(this.#entries, id)
      this.replayed.addAll(replayed)
    })
  }

  #append(payloads: ReadonlyArray<Uint8Array>, onDurable: (first: number) => void): Promise<void> {
    return new Promise((resolve, reject: (error: AppendError) => void) => {
      this.#log.append(payloads, (error, first) => {
        if (error !== undefined) return reject(error)
        onDurable(first)
        resolve()
      })
    })
  }

  /** Ids of open letters, ascending; of those named, or of all. */
  select(selection: ReadonlyArray<string> | "all"): ReadonlyArray<number> {
    if (selection !== "all") {
      return [...new Set(selection.map(Number))]
        .filter((id) => this.#entries.get(id)?.open === true)
        .toSorted((a, b) => a - b)
    }
    return [...this.#entries].filter(([, entry]) => entry.open).map(([id]) => id)
  }

  page(options: { readonly limit: number; readonly after: number; readonly project_id: string | undefined }) {
    const ids: Array<number> = []
    for (const [id, entry] of this.#entries) {
      if (ids.length >= options.limit) break
      if (id <= options.after || !entry.open) continue
      if ((options.project_id ?? entry.project_id) === entry.project_id) ids.push(id)
    }
    return ids
  }

  /** `ids` must be retained and ascending. */
  async read(ids: ReadonlyArray<number>): Promise<ReadonlyArray<DeadLetter>> {
    const letters: Array<DeadLetter> = []
    while (letters.length < ids.length) {
      const from = ids[letters.length]!
      let run = 1
      while (ids[letters.length + run] === from + run) run++
      const records = await this.#log.read(from, from + run - 1)
      if (records.length === 0) throw new Error(`dead letter ${from} is gone`)
      for (const { payload, sequence } of records) letters.push(letterOf(sequence, payload))
    }
    return letters
  }

  /** Takes letters of erased users off the list, then overwrites them; returns how many were on it. */
  async hideErased(tombstones: Tombstones): Promise<number> {
    const open = this.select("all")
    let listed = 0
    for (let at = 0; at < open.length; at += VEIL_LETTERS) {
      const letters = await this.read(open.slice(at, at + VEIL_LETTERS))
      const covered = letters.filter(({ event }) => tombstones.isErased(event)).map(({ id }) => Number(id))
      if (covered.length > 0) await this.close(covered, "purged")
      listed += covered.length
    }
    await this.#log.rewrite(({ payload }) => redactedLetter(payload, tombstones))
    return listed
  }

  /** Up to where records may go: every letter is closed, and its place in the log is gone too. */
  droppable(logDroppedUpTo: number): number {
    let upTo = this.#log.last
    for (const [id, entry] of this.#entries) {
      if (!entry.open && entry.position <= logDroppedUpTo) continue
      upTo = id - 1
      break
    }
    return this.#log.droppable(upTo)
  }

  async drop(upTo: number): Promise<void> {
    for (const id of this.#entries.keys()) if (id <= upTo) this.#entries.delete(id)
    await this.#log.drop(upTo)
  }

  snapshot(droppedUpTo: number): Checkpoint["letters"] {
    return {
      droppedUpTo,
      countedUpTo: this.#log.last,
      deadLettered: this.deadLettered.toEntries(),
      replayed: this.replayed.toEntries()
    }
  }

  /** As the log's; call it while nothing is dropped or redacted. */
  copyTo(directory: string): Promise<void> {
    return this.#log.copyTo(directory)
  }

  shut(): Promise<void> {
    return this.#log.close()
  }
}

/** Letters read in one step. */
const VEIL_LETTERS = 64

/** In the same size: JSON does not mind spaces at the end. The message may repeat what was refused. */
const redactedLetter = (payload: Buffer, tombstones: Tombstones): Buffer | undefined => {
  const entry = decodeEntry(payload.toString("utf8"))
  if ("closed" in entry || !tombstones.isErased(entry.event)) return undefined
  const left: Letter = { ...entry, event: redact(entry.event), reason: { ...entry.reason, message: "" } }
  const redacted = Buffer.alloc(payload.length, " ")
  redacted.write(JSON.stringify(left))
  return redacted
}

const close = (entries: Map<number, Entry>, id: number): void => {
  const entry = entries.get(id)
  if (entry !== undefined) entry.open = false
}

const letterOf = (sequence: number, payload: Buffer): DeadLetter => {
  const entry = decodeEntry(payload.toString("utf8"))
  if ("closed" in entry) throw new Error(`record ${sequence} of the dead letters is no letter`)
  const event: Event = entry.event
  const reason: DeadLetterReason = entry.reason
  return { id: String(sequence), event, reason, failed_at: entry.failed_at }
}
