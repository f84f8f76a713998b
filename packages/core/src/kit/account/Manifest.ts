import { runsOf } from "./Expected.ts"
import type { LedgerLog } from "./LedgerLog.ts"
import type { Label } from "./record.ts"

/** What was published is told within this time, so that what is lost can be counted. */
const TELL_WITHIN_MILLIS = 200
const AGAIN_MILLIS = 1_000
/** Messages of one record. */
const CHUNK = 4_096

/** What this process published and the server confirmed, on its way into the ledger. */
export class Manifest {
  readonly #ledger: LedgerLog
  #pending: Array<readonly [position: number, label: Label]> = []
  #telling: Promise<void> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(ledger: LedgerLog) {
    this.#ledger = ledger
  }

  add(position: number, label: Label): void {
    this.#pending.push([position, label])
    this.#tellIn(TELL_WITHIN_MILLIS)
  }

  #tellIn(millis: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.tell().catch(() => this.#tellIn(AGAIN_MILLIS))
    }, millis)
  }

  /** All that was added before is in the ledger when it resolves. */
  tell(): Promise<void> {
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = undefined
    })
    return this.#telling
  }

  async #tellAll(): Promise<void> {
    while (this.#pending.length > 0) {
      const chunk = this.#pending.splice(0, CHUNK)
      const runs = runsOf(chunk).map(({ messages, project_id, replay }) => ({ messages, project_id, replay }))
      try {
        await this.#ledger.append({ _tag: "Published", runs })
      } catch (cause) {
        this.#pending.unshift(...chunk)
        throw cause
      }
    }
  }

  /** Tells what is still to be told, if the server is there. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.tell().catch(() => undefined)
    clearTimeout(this.#timer)
  }
}
