import { dirname } from "node:path"
import { type Files, ignoreAbsence, nodeFiles } from "@millrace/core/node"
import { Result } from "effect"
import { makeFolder } from "../log/makeFolder.ts"
import { CANCEL, encodeLine, MARK, readLines } from "./lines.ts"

/** About 100,000 records. */
const MAX_BYTES = 32 << 20

/** For its owner alone. */
const MODE = 0o600

export interface RecordForm<State, Rec> {
  /** For messages. */
  readonly name: string
  /** Of a file that is not there. */
  readonly empty: () => State
  readonly decode: (json: string) => Result.Result<Rec, unknown>
  /** May change the state in place. */
  readonly apply: (state: State, record: Rec) => State
}

/**
 * What an append-only file tells. Several processes may have it open: every read looks whether it has grown, and one
 * write appends one whole line, so that no lock is needed between a server and the command that changes it.
 */
export class RecordFile<State, Rec> {
  readonly #path: string
  readonly #form: RecordForm<State, Rec>
  readonly #files: Files
  #state: State
  #seen = ""
  #named = false
  #durableBytes = 0
  #torn = false
  #turn: Promise<unknown> = Promise.resolve()

  constructor(path: string, form: RecordForm<State, Rec>, files: Files = nodeFiles) {
    this.#files = files
    this.#path = path
    this.#form = form
    this.#state = form.empty()
  }

  /** As the file has it now. */
  async read(): Promise<State> {
    const found = await this.#files.stat(this.#path).catch(ignoreAbsence)
    const seen = found === undefined ? "" : `${found.ino}:${found.size}`
    if (seen === this.#seen) return this.#state
    if ((found?.size ?? 0) > MAX_BYTES) throw new Error(`the ${this.#form.name} file is over ${MAX_BYTES} bytes`)
    this.#state = this.#fold(found === undefined ? "" : await this.#files.readText(this.#path))
    this.#seen = seen
    return this.#state
  }

  /** Appends what `decide` makes of the state; false for nothing. One after the other within this process. */
  change(decide: (state: State) => Rec | undefined): Promise<boolean> {
    const turn = this.#turn.then(async () => {
      const record = decide(await this.read())
      if (record !== undefined) await this.#append(encodeLine(record))
      return record !== undefined
    })
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  #fold(text: string): State {
    const { apply, decode, empty, name } = this.#form
    const { lines, torn } = readLines(text)
    this.#torn = torn
    return lines.reduce((state, { json, number }) => {
      const record = json === undefined ? undefined : decode(json)
      if (record !== undefined && Result.isSuccess(record)) return apply(state, record.success)
      throw new Error(`line ${number} of the ${name} file is damaged`)
    }, empty())
  }

  async #append(line: string): Promise<void> {
    if (!this.#named) await makeFolder(this.#files, dirname(this.#path))
    const file = await this.#files.open(this.#path, "a+", MODE)
    try {
      const size = await file.size()
      const last = Buffer.alloc(1)
      if (size > 0) await file.read(last, size - 1)
      const torn = this.#torn || (size > 0 && last.toString() !== "\n")
      await this.#writeAgain(size)
      const bytes = Buffer.from(torn ? CANCEL + line : line)
      await file.append([bytes])
      await file.sync()
      this.#durableBytes = size + bytes.length
      // Without it nobody could tell damage to this line from a tear; with a part of it, nothing is worse.
      await file.append([Buffer.from(MARK)]).catch(() => undefined)
      // Also when it holds something: whoever made it may have been killed before its name was durable.
      if (!this.#named) {
        await this.#files.syncDirectory(dirname(this.#path))
        this.#named = true
      }
    } finally {
      await file.close()
    }
  }

  /**
   * What this process has not synced itself, up to `size`, over itself: where somebody's sync failed the system holds for written
   * what is not, and a hole before the new line would make it unreadable.
   */
  async #writeAgain(size: number): Promise<void> {
    const from = Math.min(this.#durableBytes, size)
    if (from === size) return
    const file = await this.#files.open(this.#path, "r+")
    try {
      const bytes = Buffer.alloc(size - from)
      await file.read(bytes, from)
      await file.write(bytes, from)
    } finally {
      await file.close()
    }
  }
}
