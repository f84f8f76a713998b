import { LedgerState } from "./LedgerState.ts"
import type { RecordLog } from "./primitives.ts"
import { type Checkpoint, checkpointCodec, type LedgerRecord, recordCodec } from "./record.ts"

/** Reads on their way at once. */
const WINDOW = 128
/** A new process reads at most about this many. */
const CHECKPOINT_EVERY = 1_024

/**
 * The ledger: a log of what became of messages, and this process's fold of it. It is what makes counts exact: a
 * message leaves the stream of events only after its record lies here.
 */
export class LedgerLog {
  readonly #log: RecordLog
  #state = new LedgerState()
  #checkpointed = 0
  /** When its log was made, and when its last folded message was written: what tells it from another of its name. */
  #made: string | undefined
  #writtenAt: string | undefined
  #refreshing: Promise<void> | undefined
  #again: Promise<void> | undefined
  #isCheckpointing = false

  constructor(log: RecordLog) {
    this.#log = log
  }

  /** As of the last refresh. */
  get state(): LedgerState {
    return this.#state
  }

  /** Durable when it resolves, at the returned sequence; a record may come twice. */
  async append(record: LedgerRecord): Promise<number> {
    const sequence = await this.#log.append(recordCodec.encode(record))
    if (sequence - this.#checkpointed > CHECKPOINT_EVERY) this.#checkpoint()
    return sequence
  }

  /** Folds every record that was durable when it was called. */
  refresh(): Promise<void> {
    if (this.#refreshing === undefined) return this.#startRefresh()
    // The one that runs may have looked before the caller's record was there.
    return (this.#again ??= this.#refreshing.then(
      () => this.#startRefresh(),
      () => this.#startRefresh()
    ))
  }

  #startRefresh(): Promise<void> {
    this.#again = undefined
    const run = this.#readOn().finally(() => {
      if (this.#refreshing === run) this.#refreshing = undefined
    })
    this.#refreshing = run
    return run
  }

  async #readOn(): Promise<void> {
    const { last, made } = await this.#log.end()
    if (last < this.#state.upTo || (await this.#isAnother(made))) {
      await this.#moveInto()
      this.#made = made
      return this.#readOn()
    }
    this.#made = made
    if (last - this.#state.upTo > CHECKPOINT_EVERY) await this.#jump()
    while (this.#state.upTo < last) {
      const from = this.#state.upTo + 1
      const count = Math.min(WINDOW, last - this.#state.upTo)
      const entries = await Promise.all(Array.from({ length: count }, (_, index) => this.#log.read(from + index)))
      for (let index = 0; index < count; index++) {
        const entry = entries[index]
        // Folded into a checkpoint meanwhile, or the place of an older checkpoint.
        if (entry === undefined && (await this.#jump(from + index))) break
        if (entry?.record === undefined) this.#state.upTo = from + index
        else this.#state.apply(from + index, recordCodec.decode(entry.record))
        this.#writtenAt = entry?.writtenAt
      }
    }
  }

  /**
   * Whether the log is not the one that was folded. The time at which it was made is no proof: a server of 2.10 that was killed
   * tells another one of the same stream. Where the last folded message is gone, a checkpoint stands for it in either.
   */
  async #isAnother(made: string): Promise<boolean> {
    if ((this.#made ?? made) === made || this.#writtenAt === undefined) return false
    const entry = await this.#log.read(this.#state.upTo)
    return entry !== undefined && entry.writtenAt !== this.#writtenAt
  }

  /**
   * The ledger's own log was deleted, or put back: what is folded here is all that is left. Whoever comes first writes it into
   * the new one; the others take that over.
   */
  async #moveInto(): Promise<void> {
    const kept = this.#state.toCheckpoint()
    if ((await this.#latest()) === undefined) {
      const upTo = await this.#log.append(recordCodec.encode({ _tag: "Released", positions: [] }))
      await this.#log.writeCheckpoint(checkpointCodec.encode({ ...kept, upTo }), 0)
      // A gap, so that who reads from the start finds the checkpoint.
      await this.#log.cut(upTo)
    }
    const found = await this.#latest()
    this.#state = new LedgerState(found?.checkpoint ?? { ...kept, upTo: 0 })
    this.#writtenAt = undefined
    this.#checkpointed = this.#state.upTo
  }

  /** Takes the latest checkpoint over when it reaches further than what is folded, and as far as `missing`. */
  async #jump(missing = 0): Promise<boolean> {
    const found = await this.#latest()
    if (found === undefined || found.checkpoint.upTo <= this.#state.upTo || found.checkpoint.upTo < missing)
      return false
    this.#state = new LedgerState(found.checkpoint)
    this.#writtenAt = undefined
    this.#checkpointed = found.checkpoint.upTo
    return true
  }

  async #latest(): Promise<{ readonly sequence: number; readonly checkpoint: Checkpoint } | undefined> {
    const found = await this.#log.checkpoint()
    return found && { sequence: found.sequence, checkpoint: checkpointCodec.decode(found.text) }
  }

  /** In the background, one at a time; a failure is made good by the next one. */
  #checkpoint(): void {
    if (this.#isCheckpointing) return
    this.#isCheckpointing = true
    const done = () => {
      this.#isCheckpointing = false
    }
    this.checkpoint().then(done, done)
  }

  /** Writes what is folded and deletes what it stands for. Of several processes that try at once, one succeeds. */
  async checkpoint(): Promise<void> {
    const before = await this.#latest()
    await this.refresh()
    const checkpoint = this.#state.toCheckpoint()
    if (checkpoint.upTo <= (before?.checkpoint.upTo ?? 0)) return
    if (!(await this.#log.writeCheckpoint(checkpointCodec.encode(checkpoint), before?.sequence ?? 0))) return
    this.#checkpointed = checkpoint.upTo
    await this.#log.cut(checkpoint.upTo)
  }
}
