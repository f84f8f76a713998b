import { type Checkpoint, checkpointCodec, type LedgerRecord, LedgerState, recordCodec } from "@millrace/core/account"
import type { Broker } from "../client.ts"
import { isConflict, isTimeout } from "../client.ts"
import type { Names } from "../subjects.ts"

/** Reads on their way at once. */
const WINDOW = 128
/** A new process reads at most about this many. */
const CHECKPOINT_EVERY = 1_024
const ANSWER_MILLIS = 5_000

/**
 * The ledger: a stream of what became of messages, and this process's fold of it. It is what makes counts exact: a
 * message leaves the stream of events only after its record lies here.
 */
export class LedgerLog {
  readonly #broker: Broker
  readonly #names: Names
  #state = new LedgerState()
  #checkpointed = 0
  /** When its stream was made, and when its last folded message was written: what tells it from another of its name. */
  #created: string | undefined
  #writtenAt: string | undefined
  #refreshing: Promise<void> | undefined
  #again: Promise<void> | undefined
  #isCheckpointing = false

  constructor(broker: Broker, names: Names) {
    this.#broker = broker
    this.#names = names
  }

  /** As of the last refresh. */
  get state(): LedgerState {
    return this.#state
  }

  /** Durable when it resolves, at the returned sequence. Sent twice before it fails: a record may come twice. */
  async append(record: LedgerRecord): Promise<number> {
    const send = () =>
      this.#broker.publish(this.#names.subjects.record, recordCodec.encode(record), { timeout: ANSWER_MILLIS })
    const { seq } = await send().catch((cause: unknown) => (isTimeout(cause) ? send() : Promise.reject(cause)))
    if (seq - this.#checkpointed > CHECKPOINT_EVERY) this.#checkpoint()
    return seq
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
    const { ledger } = this.#names
    const info = await this.#broker.call(() => this.#broker.streams.info(ledger))
    const { last_seq: last } = info.state
    if (last < this.#state.upTo || (await this.#isAnother(info.created))) {
      await this.#moveInto()
      this.#created = info.created
      return this.#readOn()
    }
    this.#created = info.created
    if (last - this.#state.upTo > CHECKPOINT_EVERY) await this.#jump()
    while (this.#state.upTo < last) {
      const from = this.#state.upTo + 1
      const count = Math.min(WINDOW, last - this.#state.upTo)
      const messages = await Promise.all(Array.from({ length: count }, (_, index) => this.#read(from + index)))
      for (let index = 0; index < count; index++) {
        const message = messages[index]
        if (message === null || message === undefined) {
          // Folded into a checkpoint meanwhile, or the place of an older checkpoint.
          if (await this.#jump(from + index)) break
          this.#state.upTo = from + index
          this.#writtenAt = undefined
        } else if (message.subject === this.#names.subjects.record) {
          this.#state.apply(message.seq, recordCodec.decode(message.string()))
          this.#writtenAt = message.timestamp
        } else {
          this.#state.upTo = message.seq
          this.#writtenAt = message.timestamp
        }
      }
    }
  }

  /**
   * Whether the stream is not the one that was folded. The time at which it was made is no proof: a server of 2.10 that was killed
   * tells another one of the same stream. Where the last folded message is gone, a checkpoint stands for it in either.
   */
  async #isAnother(created: string): Promise<boolean> {
    if ((this.#created ?? created) === created || this.#writtenAt === undefined) return false
    const message = await this.#read(this.#state.upTo)
    return message !== null && message.timestamp !== this.#writtenAt
  }

  /**
   * The ledger's own stream was deleted, or put back: what is folded here is all that is left. Whoever comes first writes it into
   * the new one; the others take that over.
   */
  async #moveInto(): Promise<void> {
    const { subjects } = this.#names
    const kept = this.#state.toCheckpoint()
    if ((await this.#latest()) === undefined) {
      const first: LedgerRecord = { _tag: "Released", positions: [] }
      const { seq } = await this.#broker.publish(subjects.record, recordCodec.encode(first), { timeout: ANSWER_MILLIS })
      const checkpoint = checkpointCodec.encode({ ...kept, upTo: seq })
      await this.#broker
        .publish(subjects.checkpoint, checkpoint, { expect: { lastSubjectSequence: 0 }, timeout: ANSWER_MILLIS })
        .catch((cause: unknown) => (isConflict(cause) ? undefined : Promise.reject(cause)))
      // A gap, so that who reads from the start finds the checkpoint.
      const gone = { filter: subjects.record, seq: seq + 1 }
      await this.#broker.call(() => this.#broker.streams.purge(this.#names.ledger, gone))
    }
    const found = await this.#latest()
    this.#state = new LedgerState(found?.checkpoint ?? { ...kept, upTo: 0 })
    this.#writtenAt = undefined
    this.#checkpointed = this.#state.upTo
  }

  #read(seq: number) {
    return this.#broker.call(() => this.#broker.streams.getMessage(this.#names.ledger, { seq }))
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

  async #latest(): Promise<{ readonly seq: number; readonly checkpoint: Checkpoint } | undefined> {
    const { ledger, subjects } = this.#names
    const message = await this.#broker.call(() =>
      this.#broker.streams.getMessage(ledger, { last_by_subj: subjects.checkpoint })
    )
    return message === null ? undefined : { seq: message.seq, checkpoint: checkpointCodec.decode(message.string()) }
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
    const { ledger, subjects } = this.#names
    const before = await this.#latest()
    await this.refresh()
    const checkpoint = this.#state.toCheckpoint()
    if (checkpoint.upTo <= (before?.checkpoint.upTo ?? 0)) return
    try {
      await this.#broker.publish(subjects.checkpoint, checkpointCodec.encode(checkpoint), {
        expect: { lastSubjectSequence: before?.seq ?? 0 },
        timeout: ANSWER_MILLIS
      })
    } catch (cause) {
      if (isConflict(cause)) return
      throw cause
    }
    this.#checkpointed = checkpoint.upTo
    await this.#broker.call(() =>
      this.#broker.streams.purge(ledger, { filter: subjects.record, seq: checkpoint.upTo + 1 })
    )
    await this.#broker.call(() => this.#broker.streams.purge(ledger, { filter: subjects.checkpoint, keep: 1 }))
  }
}
