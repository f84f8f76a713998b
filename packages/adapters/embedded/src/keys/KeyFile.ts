import { mkdir, open, readFile, stat } from "node:fs/promises"
import { dirname } from "node:path"
import type { StoredApiKey } from "@millrace/core"
import { syncDirectory } from "../log/LogFile.ts"
import { CANCEL, encodeRecord, foldRecords, type KeyRecord } from "./record.ts"

/** About 100,000 keys. */
const MAX_BYTES = 32 << 20

/** For its owner alone. */
const MODE = 0o600

/**
 * API keys in an append-only file. Several processes may have it open: every read looks whether it has grown, and one
 * write appends one whole line, so that no lock is needed between a server and the command that makes a key.
 */
export class KeyFile {
  readonly #path: string
  #keys: ReadonlyMap<string, StoredApiKey> = new Map()
  #seen = ""
  #turn: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /** As the file has it now. */
  async keys(): Promise<ReadonlyMap<string, StoredApiKey>> {
    const found = await stat(this.#path).catch(ignoreAbsence)
    const state = found === undefined ? "" : `${found.ino}:${found.size}`
    if (state === this.#seen) return this.#keys
    if ((found?.size ?? 0) > MAX_BYTES) throw new Error(`the key file is over ${MAX_BYTES} bytes`)
    this.#keys = foldRecords(found === undefined ? "" : await readFile(this.#path, "utf8"))
    this.#seen = state
    return this.#keys
  }

  /** Appends what `decide` makes of the keys; false for nothing. One after the other within this process. */
  change(decide: (keys: ReadonlyMap<string, StoredApiKey>) => KeyRecord | undefined): Promise<boolean> {
    const turn = this.#turn.then(async () => {
      const record = decide(await this.keys())
      if (record !== undefined) await this.#append(encodeRecord(record))
      return record !== undefined
    })
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #append(line: string): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true })
    const handle = await open(this.#path, "a+", MODE)
    try {
      const { size } = await handle.stat()
      const last = Buffer.alloc(1)
      if (size > 0) await handle.read(last, 0, 1, size - 1)
      const torn = size > 0 && last.toString() !== "\n"
      await handle.appendFile(torn ? CANCEL + line : line)
      await handle.sync()
      if (size === 0) await syncDirectory(dirname(this.#path))
    } finally {
      await handle.close()
    }
  }
}

const ignoreAbsence = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== "ENOENT") throw error
}
