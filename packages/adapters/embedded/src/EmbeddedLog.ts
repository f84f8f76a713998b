import { join } from "node:path"
import { type Erased, type Erasure, EventBatch, QueueMeter, type Tombstones } from "@millrace/core"
import { type Files, lockFolder, nodeFiles } from "@millrace/core/node"
import type { ResolvedOptions } from "./config.ts"
import { type AppendError, type LogBroken, LogClosed } from "./log/errors.ts"
import { makeFolder } from "./log/makeFolder.ts"
import { Flag } from "./log/record.ts"
import type { SegmentLog } from "./log/SegmentLog.ts"
import { encodeCheckpoint, writeCheckpoint } from "./state/Checkpoint.ts"
import { Changes } from "./state/Changes.ts"
import { Copies } from "./state/Copies.ts"
import type { DeadLetters, Letter } from "./state/DeadLetters.ts"
import { ErasureFile } from "./state/ErasureFile.ts"
import { Leases } from "./state/Leases.ts"
import type { LogIndex } from "./state/LogIndex.ts"
import { type LogUse, recover, type Recovered } from "./state/recover.ts"
import { SingleFlight } from "./state/SingleFlight.ts"
import type { StoredBatch } from "./state/StoredBatch.ts"
import { Traces } from "./state/Traces.ts"
import { Turns } from "./state/Turns.ts"
import { redactLog } from "./state/redactLog.ts"
import { uuidBytes } from "./state/uuidBytes.ts"

/** Queue messages are at most this large, unless a single event is larger. */
const MESSAGE_BYTES = 512 << 10
const ACK_RANGES = 1024

/**
 * The log and everything derived from it: what queue and store share. Of several records that are acknowledged, set
 * aside or dropped, memory always tells the same story; the checkpoint tells an older one that redelivers at most.
 */
export class EmbeddedLog {
  /** Names this log in the `origin` of its batches. */
  readonly id: string
  readonly index: LogIndex
  readonly leases: Leases
  readonly letters: DeadLetters
  readonly meter = new QueueMeter()
  /** Of everything that may make a record available to a taker. */
  readonly changes = new Changes()
  readonly #log: SegmentLog
  readonly #options: ResolvedOptions & { readonly files: Files }
  readonly #erasures: ErasureFile
  readonly #unlock: () => void
  readonly #traces = new Traces()
  readonly #copies = new Copies()
  readonly #saving = new SingleFlight(() => this.#save())
  readonly #pruning = new Turns()
  readonly #settingAside = new Turns()
  readonly #erasing = new Turns()
  #saved = ""
  #savedFloor: number
  #droppedUpTo: number
  #closed = false

  private constructor(
    options: ResolvedOptions & { readonly files: Files },
    recovered: Recovered,
    erasures: ErasureFile,
    unlock: () => void
  ) {
    const { checkpoint } = recovered
    this.id = checkpoint.log
    this.index = recovered.index
    this.letters = recovered.letters
    this.#log = recovered.log
    this.leases = new Leases(recovered.index, options)
    this.#options = options
    this.#erasures = erasures
    this.#unlock = unlock
    this.#savedFloor = checkpoint.floor
    this.#droppedUpTo = checkpoint.droppedUpTo
    this.#log.onSync = (seconds) => this.meter.synced(seconds)
  }

  /** Rejects with `FolderInUse`, `CorruptLog`, or what the file system says. */
  static async open(options: ResolvedOptions, use: LogUse): Promise<EmbeddedLog> {
    const { directory, files = nodeFiles, lock = lockFolder } = { ...options, ...use }
    await makeFolder(files, directory)
    const unlock = await lock(directory)
    try {
      const erasures = await ErasureFile.open(files, directory)
      const recovered = await recover(options, use)
      const log = new EmbeddedLog({ ...options, files }, recovered, erasures, unlock)
      if (erasures.pending) await log.#hideErased()
      return log
    } catch (error) {
      unlock()
      throw error
    }
  }

  /** Why nothing can be written any more. */
  get broken(): LogBroken | undefined {
    return this.#log.broken ?? this.letters.broken
  }

  /** Calls back once nothing can be written any more. */
  onBroken(callback: (broken: LogBroken) => void): void {
    this.#log.onBroken = callback
    this.letters.onBroken(callback)
  }

  get tombstones(): Tombstones {
    return this.#erasures.tombstones
  }

  get closed(): boolean {
    return this.#closed
  }

  /**
   * Appends batches, whole or not at all. `stored` ones are never delivered: they are in the store at once.
   * `settle` is called when they are durable, for `stored` ones with the batches as they lie in the log.
   */
  append(
    batches: ReadonlyArray<EventBatch>,
    stored: boolean,
    settle: (error: AppendError | undefined, logged: ReadonlyArray<EventBatch>) => void
  ): void {
    if (this.#closed) return settle(new LogClosed({ cause: new Error("the log is closed") }), [])
    const parts = batches.flatMap((batch) => batch.split(MESSAGE_BYTES))
    const payloads = parts.map((part) => part.bytes)
    const onDurable = (error: AppendError | undefined, first: number) => {
      if (error !== undefined) return settle(error, [])
      for (const [offset, { count, project_id, received_at, traces }] of parts.entries()) {
        this.#traces.keep(first + offset, traces)
        this.index.add({ project_id, count, received_at, bytes: payloads[offset]!.length })
        if (stored) this.index.ack(first + offset, false)
      }
      settle(undefined, stored ? payloads.map((payload, offset) => this.#batchAt(first + offset, payload)) : [])
      this.changes.announce()
    }
    this.#log.append(payloads, onDurable, stored ? Flag.user : 0)
  }

  #batchAt(position: number, payload: Uint8Array): EventBatch {
    const batch = EventBatch.fromBytes(payload, { log: this.id, position, offset: 0 })
    return batch.withTraces(this.#traces.of(position))
  }

  /** Some records from `from` on, in order, none after `to`; none only where there are none. */
  async read(from: number, to: number): Promise<ReadonlyArray<StoredBatch>> {
    const records = await this.#log.read(from, to)
    return records.map(({ payload, sequence }) => ({
      sequence,
      batch: this.#batchAt(sequence, payload)
    }))
  }

  /** Decides identity for all that is acknowledged; a page is right only up to there. */
  async settleAll(): Promise<void> {
    await this.#settingAside.ended
    while (this.index.settled < this.index.floor) {
      const records = await this.read(this.index.settled + 1, this.index.floor)
      if (records.length === 0) return
      for (const { batch, sequence } of records) this.index.settle(sequence, batch.ids)
      await this.#settingAside.ended
    }
  }

  /** Sets events aside, durably, one call after the other; those that already are stay as they are. */
  setAside(letters: ReadonlyArray<Omit<Letter, "settledUpTo">>): Promise<void> {
    return this.#settingAside.run(() => this.#setAside(letters))
  }

  async #setAside(letters: ReadonlyArray<Omit<Letter, "settledUpTo">>): Promise<void> {
    const fresh = letters.filter(({ index, position }) => !this.holds(position) || !this.index.isDead(position, index))
    if (fresh.length === 0) return
    // Until they are durable no identity is decided: a restart has to come to the same decisions in the same order.
    this.index.pauseSettling(true)
    try {
      const { settled } = this.index
      const dated = fresh.map((letter) => ({ ...letter, settledUpTo: settled }))
      await this.letters.add(dated, ({ event, index, position }) => {
        if (this.holds(position)) this.index.markDead(position, index, uuidBytes(event.event_id))
      })
      for (const { reason } of fresh) this.meter.deadLettered(reason.code, 1)
    } finally {
      this.index.pauseSettling(false)
    }
  }

  holds(position: number): boolean {
    return position > this.index.droppedUpTo && position <= this.index.last
  }

  /** Makes acknowledgements up to `floor` durable; without it, all there are. */
  async save(floor = Infinity): Promise<void> {
    if (this.#savedFloor < Math.min(floor, this.index.floor) || floor === Infinity) await this.#saving.run()
  }

  async #save(): Promise<void> {
    await this.#saveCheckpoint()
    // Between two checkpoints: the copy of one has to find the letters that it counts.
    await this.#copies.make(this.#options, this.letters)
  }

  async #saveCheckpoint(): Promise<void> {
    const { floor, last, sums } = this.index
    const droppedUpTo = this.#droppedUpTo
    const lettersUpTo = this.letters.droppable(droppedUpTo)
    const checkpoint = encodeCheckpoint({
      version: 2,
      log: this.id,
      floor,
      acked: this.index.ackedAboveFloor(ACK_RANGES),
      droppedUpTo,
      countedUpTo: last,
      accepted: sums.accepted.toEntries(),
      dropped: this.index.droppedBy(droppedUpTo).toEntries(),
      letters: this.letters.snapshot(lettersUpTo)
    })
    if (checkpoint === this.#saved) return
    await writeCheckpoint(this.#options.files, this.#options.directory, checkpoint)
    this.#saved = checkpoint
    this.#savedFloor = floor
    await this.letters.drop(lettersUpTo)
  }

  /** Deletes whole segments whose records are all acknowledged and at or before `upTo`, one call after the other. */
  prune(upTo: number): Promise<void> {
    return this.#pruning.run(() => this.#prune(upTo))
  }

  async #prune(upTo: number): Promise<void> {
    if (this.#copies.held) return
    const target = this.#log.droppable(Math.min(upTo, this.index.floor))
    if (target <= this.index.droppedUpTo) return
    // First the note that they are gone, then the files: the other order would look like lost segments.
    this.#droppedUpTo = target
    await this.save()
    for (let from = this.index.droppedUpTo + 1; from <= Math.min(target, this.index.settled);) {
      for (const { batch, sequence } of await this.read(from, target)) {
        this.index.forgetIds(sequence, batch.ids)
        from = sequence + 1
      }
    }
    this.index.drop(target)
    await this.#log.drop(target)
  }

  /** Keeps every record until the returned function is called. */
  hold(): Promise<() => void> {
    return this.#copies.hold(this.#pruning.ended)
  }

  /** Copies all that is durable, and what is known of it, into an empty folder; erasures wait. Call it while held. */
  copyTo(directory: string): Promise<void> {
    return this.#erasing.run(async () => {
      await this.#copies.ask(directory, () => this.#saving.run())
      // After its state: records that this does not know of yet are found in the log, never the other way round.
      await this.#log.copyTo(join(directory, "log"))
    })
  }

  /** Redacts a user's events in the log, and of the letters; one call after the other. */
  erase(erasure: Erasure): Promise<ReadonlyArray<Erased>> {
    return this.#erasing.run(async () => {
      if (this.tombstones.holds(erasure) && !this.#erasures.pending) return []
      this.tombstones.add(erasure)
      await this.#erasures.save(true)
      return this.#hideErased()
    })
  }

  async #hideErased(): Promise<ReadonlyArray<Erased>> {
    const erased = await redactLog(this.#log, { letters: this.letters, index: this.index, tombstones: this.tombstones })
    await this.#erasures.save(false)
    return erased
  }

  /** Refuses appends, writes what waits, notes what is acknowledged, and lets the directory go. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.changes.announce()
    try {
      await this.#log.close()
      await this.#erasing.ended
      await this.#pruning.ended
      await this.save()
    } finally {
      await this.letters.shut().finally(this.#unlock)
    }
  }
}
